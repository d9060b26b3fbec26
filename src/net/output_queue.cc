#include "net/output_queue.h"

#include <cstring>
#include <utility>

#include "base/core/assert.h"

namespace dunlin::net {

namespace {

// A queue that once held more pieces than this is not kept for reuse.
constexpr std::size_t kMaxSparePieces = 1024;

}  // namespace

ByteView OutputQueue::Piece::view() const {
  if (block == nullptr) return slice.view();
  return ByteView{block->bytes}.subspan(begin, end - begin);
}

void OutputQueue::Piece::skip(std::size_t bytes) {
  if (block == nullptr) {
    slice = slice.sub(bytes, slice.size() - bytes);
  } else {
    begin += static_cast<std::uint32_t>(bytes);
  }
}

void OutputQueue::copy_in(ByteView bytes, OutputPool& pool) {
  size_ += bytes.size();
  while (!bytes.empty()) {
    if (first_ == pieces_.size() || pieces_.back().block == nullptr ||
        pieces_.back().end == kOutputBlockBytes) {
      pieces_.emplace_back();
      pieces_.back().block = pool.take_block();
    }
    Piece& last = pieces_.back();
    const std::size_t part = std::min(bytes.size(), kOutputBlockBytes - last.end);
    std::memcpy(last.block->bytes.data() + last.end, bytes.data(), part);
    last.end += static_cast<std::uint32_t>(part);
    bytes = bytes.subspan(part);
  }
}

void OutputQueue::push(Slice slice, OutputPool& pool) {
  if (slice.size() <= kCoalesceBytes) return copy_in(slice.view(), pool);
  size_ += slice.size();
  pieces_.emplace_back();
  pieces_.back().slice = std::move(slice);
}

void OutputQueue::push(ByteView bytes, OutputPool& pool) {
  if (bytes.size() <= kCoalesceBytes) return copy_in(bytes, pool);
  push(Slice::copy_of(bytes), pool);
}

std::size_t OutputQueue::gather(std::span<iovec> out) const {
  std::size_t count = 0;
  for (std::size_t i = first_; i < pieces_.size() && count < out.size(); ++i) {
    const ByteView view = pieces_[i].view();
    out[count++] = {const_cast<std::uint8_t*>(view.data()), view.size()};
  }
  return count;
}

void OutputQueue::consume(std::size_t bytes, OutputPool& pool) {
  DUNLIN_ASSERT(bytes <= size_);
  size_ -= bytes;
  while (bytes > 0) {
    Piece& piece = pieces_[first_];
    const std::size_t length = piece.view().size();
    if (bytes < length) {
      piece.skip(bytes);
      break;
    }
    bytes -= length;
    if (piece.block != nullptr) pool.give_back(std::move(piece.block));
    piece.slice = Slice{};
    ++first_;
  }
  if (first_ == pieces_.size()) {
    pieces_.clear();
    first_ = 0;
  } else if (first_ > 64 && first_ * 2 > pieces_.size()) {
    pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

void OutputQueue::clear(OutputPool& pool) {
  consume(size_, pool);
}

std::unique_ptr<OutputBlock> OutputPool::take_block() {
  if (blocks_.empty()) return std::make_unique_for_overwrite<OutputBlock>();
  auto block = std::move(blocks_.back());
  blocks_.pop_back();
  return block;
}

void OutputPool::give_back(std::unique_ptr<OutputBlock> block) {
  if (blocks_.size() < kMaxSpareBlocks) blocks_.push_back(std::move(block));
}

std::unique_ptr<OutputQueue> OutputPool::take_queue() {
  if (queues_.empty()) return std::make_unique<OutputQueue>();
  auto queue = std::move(queues_.back());
  queues_.pop_back();
  return queue;
}

void OutputPool::give_back(std::unique_ptr<OutputQueue> queue) {
  queue->clear(*this);
  if (queues_.size() < kMaxSpareQueues && queue->capacity() <= kMaxSparePieces)
    queues_.push_back(std::move(queue));
}

}  // namespace dunlin::net
