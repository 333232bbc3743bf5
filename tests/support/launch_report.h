// What a launch that must fail says.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "kernels/emulation/emulation.h"

namespace vernissage::testing {

/// The report of a launch that must fail.
template <class Launching>
std::string report_of(const Launching& launching) {
  try {
    launching();
  } catch (const emulation::LaunchError& error) {
    return error.what();
  }
  ADD_FAILURE() << "the launch went through";
  return "";
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace vernissage::testing
