#include "server/commands/npy.h"

#include <bit>
#include <cstring>
#include <string>

#include "base/error.h"

namespace vernissage {

std::vector<uint8_t> encode_npy(std::span<const float> values, std::span<const int> shape) {
  static_assert(std::endian::native == std::endian::little,
                "floats are copied as they lie in memory");
  std::string sizes;
  size_t count = 1;
  for (const int size : shape) {
    if (!sizes.empty()) sizes += ", ";
    sizes += std::to_string(size);
    count *= size_t(size);
  }
  VERNISSAGE_ASSERT_OP(values.size(), ==, count);

  if (shape.size() == 1) sizes += ',';  // Python's tuple of one

  // Magic, version and length take 10 bytes; the header is padded so that the data begins at a
  // multiple of 64.
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + sizes + "), }";
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  std::string start("\x93NUMPY\x01\x00", 8);
  start += static_cast<char>(header.size() & 0xff);
  start += static_cast<char>(header.size() >> 8);
  start += header;

  std::vector<uint8_t> bytes(start.size() + values.size_bytes());
  std::memcpy(bytes.data(), start.data(), start.size());
  std::memcpy(bytes.data() + start.size(), values.data(), values.size_bytes());
  return bytes;
}

}  // namespace vernissage
