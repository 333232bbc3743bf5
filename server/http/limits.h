// Every limit of the HTTP side, in one place. Each is tested one below, at and one above.
#pragma once

#include <chrono>
#include <cstddef>

namespace vernissage::http {

inline constexpr size_t kHeaderBytesMax = 8192;  // request line and fields, with the empty line
inline constexpr size_t kTargetBytesMax = 2048;  // path and query
inline constexpr size_t kFieldCountMax = 64;
inline constexpr size_t kBodyBytesMax = 4096;

inline constexpr std::chrono::milliseconds kHeaderMs{5000};       // from its first byte to its last
inline constexpr std::chrono::milliseconds kBodyMs{5000};         // the whole body
inline constexpr std::chrono::milliseconds kIdleMs{30000};        // between requests
inline constexpr std::chrono::milliseconds kWriteStallMs{15000};  // without a byte accepted
inline constexpr std::chrono::milliseconds kLingerMs{1000};       // after a refusal, for its reader
inline constexpr std::chrono::milliseconds kAcceptRetryMs{100};   // after a failed accept
inline constexpr std::chrono::milliseconds kDrainMs{10000};       // answers under way at shutdown
inline constexpr std::chrono::milliseconds kFirstByteMs{500};     // at shutdown, of who just came

// Below this rate a reader is cut off, however steadily it drips: an answer of n bytes has
// kWriteStallMs + n / kWriteBytesPerSecondMin.
inline constexpr size_t kWriteBytesPerSecondMin = 4096;

// Each connection holds the body of its answer: that of pictures to readers as slow as the rate
// above would be gigabytes. Beyond this, answers that are not small are refused.
inline constexpr size_t kSendingBytesMax = size_t{512} << 20;
inline constexpr size_t kSmallBodyBytes = 65536;
inline constexpr int kSendingRetrySeconds = 5;

inline constexpr size_t kConnectionsMax = 8192;
inline constexpr size_t kConnectionsPerAddressMax = 64;  // IPv6: per /64
inline constexpr size_t kStreamInputMax = 65536;  // bytes a reader of a stream may send meanwhile
inline constexpr size_t kLingerBytesMax = 65536;  // discarded after a refusal, no more

}  // namespace vernissage::http
