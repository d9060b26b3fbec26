#include "service/series/downsampler.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace dunlin::series {
namespace {

/// Of at least one number, whose sum is finite.
Bucket bucket_of(const store::ChunkSummary& chunk) {
  return {from_unix_nanoseconds(chunk.first_time), chunk.sum / static_cast<double>(chunk.numbers), chunk.min,
          chunk.max, chunk.numbers};
}

}  // namespace

Downsampler::Downsampler(WallTime from, WallTime to, std::size_t buckets)
    : from_(from),
      most_(std::max<std::size_t>(buckets, 1)),
      length_(std::max(static_cast<double>((to - from).count()) / static_cast<double>(most_), 1.0)) {}

void Downsampler::add(WallTime time, double value) {
  if (points_.size() < most_ && parts_.empty()) {
    points_.push_back({time, value, value, value, 1});
    return;
  }
  spread();
  add_to_part(time, value);
}

bool Downsampler::add_whole(const store::ChunkSummary& chunk) {
  const bool is_few = parts_.empty() && points_.size() + chunk.numbers <= most_;
  if (is_few || chunk.numbers == 0 || !std::isfinite(chunk.sum)) return false;
  const Bucket bucket = bucket_of(chunk);
  const std::size_t part = part_of(bucket.time);
  if (part != part_of(from_unix_nanoseconds(chunk.last_time))) return false;
  spread();
  add_bucket(part, bucket);
  return true;
}

void Downsampler::add_rest(const store::ChunkSummary& part) {
  if (part.numbers == 0 || !std::isfinite(part.sum)) return;
  const Bucket bucket = bucket_of(part);
  if (points_.size() < most_ && parts_.empty()) {
    points_.push_back(bucket);
    return;
  }
  spread();
  add_bucket(part_of(bucket.time), bucket);
}

std::vector<Bucket> Downsampler::take() {
  return parts_.empty() ? std::move(points_) : std::move(parts_);
}

/// Rounding may lift a time just before the end into a part of its own.
std::size_t Downsampler::part_of(WallTime time) const {
  return std::min(static_cast<std::size_t>(static_cast<double>((time - from_).count()) / length_), most_ - 1);
}

void Downsampler::spread() {
  for (const Bucket& point : std::exchange(points_, {})) add_bucket(part_of(point.time), point);
}

Bucket& Downsampler::bucket_for(std::size_t part, WallTime time) {
  if (parts_.empty() || part != part_) parts_.push_back({time, 0, 0, 0, 0});
  part_ = part;
  return parts_.back();
}

void Downsampler::add_to_part(WallTime time, double value) {
  Bucket& into = bucket_for(part_of(time), time);
  into.min = into.count == 0 ? value : std::min(into.min, value);
  into.max = into.count == 0 ? value : std::max(into.max, value);
  ++into.count;
  const auto count = static_cast<double>(into.count);
  into.mean += value / count - into.mean / count;
}

void Downsampler::add_bucket(std::size_t part, const Bucket& bucket) {
  Bucket& into = bucket_for(part, bucket.time);
  const auto numbers = static_cast<double>(bucket.count);
  const double share = numbers / (static_cast<double>(into.count) + numbers);
  into.mean += (bucket.mean - into.mean) * share;
  into.min = into.count == 0 ? bucket.min : std::min(into.min, bucket.min);
  into.max = into.count == 0 ? bucket.max : std::max(into.max, bucket.max);
  into.count += bucket.count;
}

}  // namespace dunlin::series
