#include "training/dataset/picture_choice.h"

#include "base/error.h"
#include "training/dataset/painter/painter.h"

namespace vernissage::training {
namespace {

// Marks the values of an enumeration of `count` names.
template <class Enumeration>
void mark(const std::vector<std::string>& wanted, const char* kind, bool* marked, int count) {
  for (int i = 0; i < count; ++i) marked[i] = wanted.empty();
  for (const std::string& each : wanted) {
    int found = 0;
    while (found < count && each != name(static_cast<Enumeration>(found))) ++found;
    if (found == count)
      throw Error(std::string("the painter has no ") + kind + " \"" + each + "\"");
    marked[found] = true;
  }
}

}  // namespace

PictureChoice::PictureChoice(const std::vector<std::string>& subjects,
                             const std::vector<std::string>& media) {
  mark<Subject>(subjects, "subject", subjects_, kSubjects);
  mark<Medium>(media, "medium", media_, kMedia);
}

uint64_t PictureChoice::seed(uint64_t index) const {
  for (uint64_t seed = index * kSeedsEach; seed < (index + 1) * kSeedsEach; ++seed) {
    const Facts facts = facts_of(seed);
    if (subjects_[static_cast<int>(facts.subject)] && media_[static_cast<int>(facts.medium)])
      return seed;
  }
  throw Error("the painter paints none of the chosen subjects in the chosen media");
}

}  // namespace vernissage::training
