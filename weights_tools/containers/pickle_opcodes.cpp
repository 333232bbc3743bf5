#include "weights_tools/containers/pickle_opcodes.h"

#include <cstdio>

namespace vernissage {
namespace {

struct Named {
  uint8_t opcode;
  const char* name;
};
constexpr Named kRefused[] = {
    {'2', "DUP"},
    {'P', "PERSID"},
    {'S', "STRING, of Python 2"},
    {'T', "BINSTRING, of Python 2"},
    {'U', "SHORT_BINSTRING, of Python 2"},
    {'i', "INST"},
    {'o', "OBJ"},
    {0x82, "EXT1"},
    {0x83, "EXT2"},
    {0x84, "EXT4"},
    {0x97, "NEXT_BUFFER, data outside the file"},
    {0x98, "READONLY_BUFFER, data outside the file"},
};

}  // namespace

std::string refused_opcode_text(uint8_t opcode) {
  char code[8];
  std::snprintf(code, sizeof(code), "0x%02x", opcode);
  for (const Named& named : kRefused) {
    if (named.opcode == opcode) {
      return std::string("opcode ") + code + " (" + named.name + ") is not allowed";
    }
  }
  return std::string("opcode ") + code + " is unknown";
}

}  // namespace vernissage
