#!/bin/sh
# The engine's tests of compiled code on arm64: built by the cross compiler, run by qemu-user.
#
#	tests/arm64.sh [BUILD]		BUILD is where it builds, build-arm64
#
# Needs gcc-aarch64-linux-gnu, libc6-dev-arm64-cross, qemu-user; without them it skips and says so.
# The CPU is run twice, as one with atomic instructions and as one without.
set -u
cd "$(dirname "$0")/.."
build=${1:-build-arm64}
cc=${ARM64_CC:-aarch64-linux-gnu-gcc}
qemu=${ARM64_QEMU:-qemu-aarch64}

for tool in "$cc" "$qemu"; do
	if ! command -v "$tool" >/dev/null; then
		echo "SKIPPED arm64: $tool is not installed"
		exit 0
	fi
done

mkdir -p "$build"
flags="-std=gnu11 -O1 -g -Wall -Wextra -Werror -ffunction-sections -fdata-sections -D_GNU_SOURCE
	-Itests/arm64 -Isrc -Iinclude -Itests/unit"
objects=
for source in ${ARM64_SOURCES:-src/base/*.c src/bpf/*.c src/engine/*.c}; do
	object=$build/$(echo "$source" | tr / -).o
	objects="$objects $object"
	if [ ! "$object" -nt "$source" ] || [ -n "$(find src/engine src/bpf -name '*.[hd]*' \
			-newer "$object")" ]; then
		# shellcheck disable=SC2086
		$cc $flags -c -o "$object" "$source" || exit 1
	fi
done

failed=0
for test in ${ARM64_TESTS:-engine_alu engine_flow engine_memory engine_jit engine_jit_flow engine_jit_random}; do
	[ -f "tests/unit/$test.c" ] || continue
	# shellcheck disable=SC2086
	$cc $flags -static -Wl,--gc-sections -o "$build/$test" "tests/unit/$test.c" $objects \
		-lpthread || exit 1
	for cpu in max cortex-a53; do
		echo "== $test, $cpu"
		"$qemu" -cpu "$cpu" "$build/$test" || failed=1
	done
done
exit $failed
