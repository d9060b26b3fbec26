#include "net/input_tail.h"

#include <cstring>

namespace dunlin::net {

void InputTail::keep(ByteView bytes) {
  if (bytes.empty()) return block_.reset();
  if (block_ == nullptr) {
    block_ = std::make_unique<std::vector<std::uint8_t>>(bytes.begin(), bytes.end());
    return;
  }
  const std::uint8_t* begin = block_->data();
  const bool inside = bytes.data() >= begin && bytes.data() <= begin + block_->size();
  if (!inside) {
    block_->assign(bytes.begin(), bytes.end());
    return;
  }
  if (bytes.data() != begin) std::memmove(block_->data(), bytes.data(), bytes.size());
  block_->resize(bytes.size());
}

void InputTail::append(ByteView bytes) {
  if (bytes.empty()) return;
  if (block_ == nullptr) block_ = std::make_unique<std::vector<std::uint8_t>>();
  block_->insert(block_->end(), bytes.begin(), bytes.end());
}

MutableByteView InputTail::extend(std::size_t bytes) {
  if (block_ == nullptr) block_ = std::make_unique<std::vector<std::uint8_t>>();
  const std::size_t old_size = block_->size();
  if (block_->capacity() < old_size + bytes) block_->reserve(old_size + std::max(bytes, old_size));
  block_->resize(old_size + bytes);
  return MutableByteView{*block_}.subspan(old_size);
}

}  // namespace dunlin::net
