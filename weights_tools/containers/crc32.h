// The checksum of zip (CRC-32, polynomial 0xEDB88320 reflected). Source: PKWARE APPNOTE.TXT,
// section 4.4.7.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace vernissage {

uint32_t crc32(std::span<const std::byte> bytes);

}  // namespace vernissage
