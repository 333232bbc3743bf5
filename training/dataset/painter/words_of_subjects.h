// What a subject is called and what it is felt to be.
#pragma once

#include <initializer_list>

#include "training/dataset/painter/caption.h"

namespace vernissage::training {

using PhraseList = std::vector<std::string>;

inline void add(PhraseList& words, std::initializer_list<const char*> more) {
  words.insert(words.end(), more.begin(), more.end());
}

/// Things, details and moods that the subject and its own facts speak of.
void add_subject_words(const Facts& facts, Phrases& phrases);

}  // namespace vernissage::training
