// Who gets the processor first, where there is less of it than work: whoever answers, before
// whoever paints. A system that refuses or does not know the wish runs as before.
#pragma once

namespace vernissage::process {

/// Lets the calling thread, and those it starts, have what others leave of the processor. Whoever
/// paints takes all there is; a refusal, or a picture that is kept, must not wait behind that.
void give_way();

/// The calling thread, and those it starts, work for a fraction of a millisecond at a time, and
/// want to begin at once: since Linux 6.12 they then need not wait until another's turn is over,
/// which may be several milliseconds. It takes nothing from the others' share.
void take_short_turns();

}  // namespace vernissage::process
