#include "service/rules/arena.h"

#include <algorithm>

namespace dunlin::rules {

bool Arena::grow(std::size_t bytes) {
  const std::size_t size = std::max(bytes, std::max(kFirstBlock, taken_));
  const std::size_t allowed = limit_ > taken_ ? limit_ - taken_ : 0;
  const std::size_t given = std::min(size, std::max(allowed, blocks_.empty() ? kFirstBlock : 0));
  if (given < bytes) return false;
  blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(given));
  next_ = blocks_.back().get();
  left_ = given;
  taken_ += given;
  return true;
}

void Arena::reset() {
  if (blocks_.empty()) return;
  if (blocks_.size() > 1) {
    blocks_.clear();
    taken_ = 0;
    left_ = 0;
    grow(kFirstBlock);
    return;
  }
  left_ += static_cast<std::size_t>(next_ - blocks_[0].get());
  next_ = blocks_[0].get();
}

}  // namespace dunlin::rules
