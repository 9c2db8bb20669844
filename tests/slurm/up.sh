#!/usr/bin/env bash
# Bring up a throw-away single-node Slurm (no systemd, no cgroup, no database).
# Works as root and as an ordinary user (then every daemon runs as that user).
# Usage: eval "$(tests/slurm/up.sh DIR)"      -> exports SLURM_CONF, prints nothing else on stdout
# Needs: apt-get install -y --no-install-recommends slurm-wlm munge
set -euo pipefail
dir=$(realpath -m "${1:-$(mktemp -d)}")
cpus=${SLURM_CI_CPUS:-$(getconf _NPROCESSORS_ONLN)}  # nproc would heed OMP_NUM_THREADS
mem=${SLURM_CI_MEM:-$(awk '/MemTotal/{print int($2/1024*0.9)}' /proc/meminfo)}
gpus=${SLURM_CI_GPUS:-2}              # fake GPUs: /dev/zero, /dev/full ... never touched
ctl_port=${SLURM_CI_CTLD_PORT:-16817}
node_port=${SLURM_CI_NODE_PORT:-16818}
user=$(id -un); host=$(hostname -s)
PATH=$PATH:/usr/sbin:/sbin
mkdir -p "$dir"/{state,spool,log,run,munge}
chmod 755 "$dir" "$dir"/{state,spool,log,run}
chmod 700 "$dir/munge"

# --- munge: private key and socket, so that no system service and no /etc file is needed.
if [[ ! -s $dir/munge/munge.key ]]; then
  dd if=/dev/urandom of="$dir/munge/munge.key" bs=1 count=1024 status=none
  chmod 600 "$dir/munge/munge.key"
fi
sock=$dir/run/munge.socket
munged --force --socket="$sock" --key-file="$dir/munge/munge.key" \
  --pid-file="$dir/run/munged.pid" --log-file="$dir/log/munged.log" \
  --seed-file="$dir/munge/munged.seed" --num-threads=2 >&2

gres=""; : >"$dir/gres.conf"
if ((gpus > 0)); then
  gres="Gres=gpu:fake:$gpus"
  devs=(/dev/zero /dev/full /dev/null /dev/random)
  for ((i = 0; i < gpus; i++)); do
    echo "NodeName=$host Name=gpu Type=fake File=${devs[i % 4]}" >>"$dir/gres.conf"
  done
fi
cat >"$dir/slurm.conf" <<CONF
ClusterName=ci
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$ctl_port
SlurmdPort=$node_port
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$sock
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/run/slurmctld.pid
SlurmdPidFile=$dir/run/slurmd.pid
SlurmctldLogFile=$dir/log/slurmctld.log
SlurmdLogFile=$dir/log/slurmd.log
# no cgroups: containers and CI runners rarely delegate them
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
# kill a job that uses more memory than it asked for (sampled, since there is no cgroup)
JobAcctGatherParams=OverMemoryKill
# no database
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=$dir/log/jobcomp.log
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
# a request that no partition can meet is refused by sbatch instead of pending for ever
EnforcePartLimits=ALL
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1,defer_batch
PriorityType=priority/basic
# squeue must remember finished jobs for longer than the executor's poll interval
MinJobAge=3600
MaxArraySize=10001
MaxJobCount=20000
InactiveLimit=0
KillWait=2
MessageTimeout=20
SlurmctldTimeout=60
SlurmdTimeout=60
Waittime=0
GresTypes=gpu
NodeName=$host NodeAddr=127.0.0.1 Port=$node_port CPUs=$cpus RealMemory=$mem $gres State=UNKNOWN
PartitionName=cpu Nodes=$host Default=YES MaxTime=2-00:00:00 DefMemPerCPU=256 State=UP
PartitionName=gpu Nodes=$host Default=NO MaxTime=2-00:00:00 DefMemPerCPU=256 State=UP
CONF
export SLURM_CONF=$dir/slurm.conf
# snakemake-executor-plugin-slurm-jobstep drops SLURM_* (SLURM_CONF too) before it calls srun inside the
# job; a wrapper first on PATH hands the configuration back, so nothing in /etc/slurm is needed.
mkdir -p "$dir/bin"
printf '#!/bin/sh\nSLURM_CONF=%s exec %s "$@"\n' "$SLURM_CONF" "$(PATH=${PATH//$dir\/bin:/} command -v srun)" >"$dir/bin/srun"
chmod +x "$dir/bin/srun"
slurmctld -c >&2              # -c: forget previous state
slurmd -N "$host" >&2 || { cat "$dir/log/slurmd.log" >&2; exit 1; }
for i in $(seq 1 100); do
  state=$(sinfo -h -N -o %T -n "$host" 2>/dev/null | head -1 || true)
  [[ $state == idle ]] && break
  sleep 0.2
done
if [[ $state != idle ]]; then
  echo "slurm did not come up: node state '$state'" >&2
  tail -30 "$dir"/log/*.log >&2
  exit 1
fi
echo "export SLURM_CONF=$SLURM_CONF PATH=$dir/bin:\$PATH"
