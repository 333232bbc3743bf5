// What every program does before and after its own work, so that it behaves on machines as they
// are: beside busy neighbours, started with closed descriptors, printing into a full disk.
#pragma once

namespace vernissage {

/// To be called first in main(), before anything is opened and before OpenMP is used.
///
/// Descriptors 0 to 2 that are closed become /dev/null: otherwise the next file that is opened
/// takes the number, and log lines go into it.
///
/// Threads of the OpenMP runtime that wait for the next parallel region spin for kSpins turns, then
/// sleep. libgomp's default, 300,000 turns, holds a processor for milliseconds at the end of each
/// of a picture's small regions while the thread waited for cannot run, wherever another process is
/// busy. libgomp reads $GOMP_SPINCOUNT when it is loaded, so the program is executed once more with
/// it set, under the same process id and with the same arguments. What a user has set
/// ($GOMP_SPINCOUNT, $OMP_WAIT_POLICY) stays. Where the program cannot be executed again it goes on
/// as it is.
void start_program(char** argv);

/// Sixteen to sixty microseconds, by processor: longer than a small region's threads are apart,
/// shorter than a scheduler's turn by a factor of fifty.
inline constexpr char kSpins[] = "1000";

/// To be called last in main(). False when something printed on stdout was not written: a full
/// disk, an I/O error. Says so on stderr in one line that begins with `program`.
bool standard_output_written(const char* program);

}  // namespace vernissage
