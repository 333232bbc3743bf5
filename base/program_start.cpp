#include "base/program_start.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace vernissage {
namespace {

constexpr char kSpinVariable[] = "GOMP_SPINCOUNT";
constexpr char kPolicyVariable[] = "OMP_WAIT_POLICY";

void open_standard_descriptors() {
  for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; ++descriptor) {
    if (::fcntl(descriptor, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest free number, which is this one.
    if (::open("/dev/null", O_RDWR) != descriptor) ::_exit(EXIT_FAILURE);
  }
}

// The file that this program was executed from, by the kernel's own account; null where the dynamic
// linker was given the program as an argument, as then that would be executed.
const char* executed_file() {
  if (::getauxval(AT_SECURE) != 0 || ::getauxval(AT_BASE) == 0) return nullptr;
  return reinterpret_cast<const char*>(::getauxval(AT_EXECFN));
}

void keep_spins_short(char** argv) {
  if (std::getenv(kSpinVariable) || std::getenv(kPolicyVariable)) return;
  const char* file = executed_file();
  if (!file || ::setenv(kSpinVariable, kSpins, 0) != 0) return;
  ::execv(file, argv);
  ::unsetenv(kSpinVariable);  // not executed: nothing has changed
}

}  // namespace

void start_program(char** argv) {
  open_standard_descriptors();
  keep_spins_short(argv);
}

bool standard_output_written(const char* program) {
  errno = 0;
  const bool flushed = std::fflush(stdout) == 0;
  const int reason = errno;
  if (flushed && !std::ferror(stdout)) return true;
  std::fprintf(stderr, "%s: standard output cannot be written%s%s\n", program, reason ? ": " : "",
               reason ? std::strerror(reason) : "");
  return false;
}

}  // namespace vernissage
