// Programs that were compiled for processors newer than every x86-64 say so before anything else
// runs, instead of dying of an illegal instruction. Compiled without any -march; linked into each
// program by cmake/vernissage.cmake when VERNISSAGE_MARCH is a level (x86-64-v2, -v3, -v4), with
// VERNISSAGE_LEVEL its number.
#include <unistd.h>

#include <cstring>

namespace {

void say(const char* text) {
  // Before the runtime's streams exist. A message that cannot be written changes nothing.
  if (write(STDERR_FILENO, text, std::strlen(text)) < 0) return;
}

void need(bool there, const char* feature) {
  if (there) return;
  say("this program needs an x86-64-v" VERNISSAGE_LEVEL " processor: this one lacks ");
  say(feature);
  say("; a build from source (./run build) fits the processor it is made on\n");
  _exit(1);
}

// Before the constructors of all other files, which may use the instructions already.
__attribute__((constructor(101))) void check_processor() {
  __builtin_cpu_init();
  const int level = VERNISSAGE_LEVEL[0] - '0';
  need(__builtin_cpu_supports("sse4.2"), "SSE4.2");
  need(__builtin_cpu_supports("popcnt"), "POPCNT");
  if (level < 3) return;
  need(__builtin_cpu_supports("avx2"), "AVX2");
  need(__builtin_cpu_supports("fma"), "FMA");
  need(__builtin_cpu_supports("bmi2"), "BMI2");
  if (level < 4) return;
  need(__builtin_cpu_supports("avx512f"), "AVX-512F");
  need(__builtin_cpu_supports("avx512bw"), "AVX-512BW");
  need(__builtin_cpu_supports("avx512dq"), "AVX-512DQ");
  need(__builtin_cpu_supports("avx512vl"), "AVX-512VL");
}

}  // namespace
