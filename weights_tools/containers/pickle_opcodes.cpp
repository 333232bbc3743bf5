#include "weights_tools/containers/pickle_opcodes.h"

#include <cstdio>

namespace vernissage {
namespace {

struct Named {
  uint8_t opcode;
  const char* name;
};
constexpr Named kRefused[] = {
    {'0', "POP"},
    {'1', "POP_MARK"},
    {'2', "DUP"},
    {'F', "FLOAT"},
    {'I', "INT"},
    {'L', "LONG"},
    {'P', "PERSID"},
    {'S', "STRING"},
    {'T', "BINSTRING"},
    {'U', "SHORT_BINSTRING"},
    {'V', "UNICODE"},
    {'d', "DICT"},
    {'g', "GET"},
    {'i', "INST"},
    {'l', "LIST"},
    {'o', "OBJ"},
    {'p', "PUT"},
    {0x82, "EXT1"},
    {0x83, "EXT2"},
    {0x84, "EXT4"},
    {0x91, "FROZENSET"},
    {0x92, "NEWOBJ_EX"},
    {0x96, "BYTEARRAY8"},
    {0x97, "NEXT_BUFFER"},
    {0x98, "READONLY_BUFFER"},
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
