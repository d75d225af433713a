#!/usr/bin/env bash
# What matters most of training on an accelerator, in order, each part with its own time limit.
#
#   benchmarks/device.sh            as on a GPU, 9 minutes at most
#   benchmarks/device.sh tiny       tiny sizes, to see that everything in it runs; this is in CI
#
# DEVICE    cuda where there is one, else cpu
# PYTHON    an interpreter that has what the project needs
# SLACK     seconds more for each part (default: 0)
# PARTS     names of parts, to run these alone (default: all)
# OUT       a folder for the figures, as they come: figures.jsonl, log.txt (default: runs/device)
# TRIPLES   a folder with train, valid and test of FB15k-237; without it part 5 is left out
# RELEASED  a checkout of https://github.com/YushanZhu/K3M; without it part 4 is left out
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PYTHON=${PYTHON:-python}
OUT=${OUT:-runs/device}
export PYTHONUNBUFFERED=1 OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} PYTHONPATH=$PWD:$PWD/plugins${PYTHONPATH:+:$PYTHONPATH}
mkdir -p "$OUT"
DEVICE=${DEVICE:-$("$PYTHON" -c 'import torch; print("cuda" if torch.cuda.is_available() else "cpu")')}
failed=0

# part NAME SECONDS BENCHMARK OPTIONS...
part() {
    local name=$1 limit=$2 start=$SECONDS code=0
    shift 2
    [[ -z "${PARTS:-}" || " $PARTS " == *" $name "* ]] || return 0
    echo "== $name: $*"
    timeout "$((limit + ${SLACK:-0}))" "$PYTHON" -m benchmarks "$@" --out "$OUT/figures.jsonl" || code=$?
    echo "== $name: $((SECONDS - start)) s, exit code $code"
    [ "$code" = 0 ] || failed=1
}

{
    if [ "${1:-}" = tiny ]; then
        part learns 900 device_losses --models kge robust stream --use robust \
            --devices "$DEVICE" --precisions bf16 --products 60 --steps 2 --batch 24
        part throughput 900 training_throughput --device "$DEVICE" --batch 4 --steps 2
        [ -z "${RELEASED:-}" ] ||
            part released 120 released_k3m --folder "$RELEASED" --device "$DEVICE" --tiny --steps 1
    else
        part learns 75 device_losses --models kge demo --devices "$DEVICE" cpu --steps 200
        part precision 75 device_losses --models demo chosen --devices "$DEVICE" --steps 200 \
            --precisions fp32 bf16 --seeds 1
        part works 75 device_losses --models chosen robust stream --use chosen \
            --devices "$DEVICE" --steps 60 --precisions bf16
        part compiled 80 training_throughput --device "$DEVICE" --size base --steps 10 \
            --batch 2048 --workers 8 --precision bf16 --compile --kernels "$OUT/compiled.txt"
        part throughput 45 training_throughput --device "$DEVICE" --size base --steps 10 \
            --batch 2048 --workers 8 --precision bf16 --kernels "$OUT/kernels.txt"
        part clip 25 clip_step --device "$DEVICE" --precision bf16 --batch 2048
        if [ -n "${RELEASED:-}" ]; then
            part released 45 released_k3m --folder "$RELEASED" --device "$DEVICE" --batch 8 64 256
            part paper 45 training_throughput --device "$DEVICE" --size paper --steps 10 \
                --batch 8 64 256 1024 --workers 8 --precision bf16
        fi
        if [ -n "${TRIPLES:-}" ]; then
            part rotate 75 kge_fb15k237 examples/fb15k237/rotate-gpu.yaml \
                --set "triples={folder: $TRIPLES}" --set "training.device=$DEVICE" \
                --set training.epochs=16 --set training.validate_every=8 --pykeen 5
        fi
    fi
    exit "$failed"
} 2>&1 | tee -a "$OUT/log.txt"
exit "${PIPESTATUS[0]}"
