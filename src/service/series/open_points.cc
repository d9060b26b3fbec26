#include "service/series/open_points.h"

#include <algorithm>
#include <span>
#include <utility>

#include "service/series/columns.h"

namespace dunlin::series {
namespace {

constexpr std::size_t kNumberBytes = sizeof(std::int64_t) + sizeof(double);

std::size_t bytes_of(const Point& point) {
  std::size_t text = 0;
  if (const auto* plain = std::get_if<std::string>(&point.value)) text = plain->size();
  if (const auto* json = std::get_if<model::JsonText>(&point.value)) text = json->value.size();
  return sizeof(Point) + text;
}

template <class Value>
std::vector<Value> part_of(const std::vector<Value>& all, std::size_t begin, std::size_t end) {
  const auto at = [&all](std::size_t i) { return all.begin() + static_cast<std::ptrdiff_t>(i); };
  return {at(begin), at(end)};
}

}  // namespace

void OpenPoints::put(Point point) {
  if (!mixed_.empty()) return put_mixed(std::move(point));
  if (is_number(point.value)) return put_number(point);
  mixed_ = points();
  times_ = {};
  values_ = {};
  marks_ = {};
  bytes_ = 0;
  for (const Point& present : mixed_) bytes_ += bytes_of(present);
  put_mixed(std::move(point));
}

void OpenPoints::put_number(const Point& point) {
  const std::int64_t time = unix_nanoseconds(point.time);
  std::uint8_t mark = mark_of(point);
  if (std::holds_alternative<std::int64_t>(point.value)) mark |= kWhole;
  const double value = *number_of(point.value);
  if (times_.empty() || time > newest_) return append_number(time, value, mark);
  const auto at = std::ranges::lower_bound(times_, time);
  const auto place = static_cast<std::size_t>(at - times_.begin());
  if (*at == time) {
    values_[place] = value;
    return set_mark(place, mark);
  }
  times_.insert(at, time);
  values_.insert(values_.begin() + static_cast<std::ptrdiff_t>(place), value);
  if (!marks_.empty()) marks_.insert(marks_.begin() + static_cast<std::ptrdiff_t>(place), 0);
  bytes_ += kNumberBytes;
  set_mark(place, mark);
}

void OpenPoints::append_number(std::int64_t time, double value, std::uint8_t mark) {
  times_.push_back(time);
  values_.push_back(value);
  newest_ = time;
  bytes_ += kNumberBytes;
  if (marks_.empty() && mark == 0) return;
  marks_.resize(times_.size());
  marks_.back() = mark;
}

void OpenPoints::set_mark(std::size_t at, std::uint8_t mark) {
  if (marks_.empty() && mark == 0) return;
  if (marks_.empty()) marks_.resize(times_.size());
  marks_[at] = mark;
}

void OpenPoints::put_mixed(Point point) {
  const auto at = std::ranges::lower_bound(mixed_, point.time, {}, &Point::time);
  bytes_ += bytes_of(point);
  if (at == mixed_.end() || at->time != point.time) {
    mixed_.insert(at, std::move(point));
    return;
  }
  bytes_ -= bytes_of(*at);
  *at = std::move(point);
}

void OpenPoints::put_below(OpenPoints older) {
  OpenPoints newer = std::exchange(*this, std::move(older));
  for (Point& point : newer.points()) put(std::move(point));
}

void OpenPoints::erase(WallTime from, WallTime to) {
  const std::vector<Point> all = points();
  *this = {};
  for (const Point& point : all)
    if (point.time < from || (point.time >= to && to != WallTime::max())) put(point);
}

WallTime OpenPoints::first() const {
  return mixed_.empty() ? from_unix_nanoseconds(times_.front()) : mixed_.front().time;
}

WallTime OpenPoints::last() const {
  return mixed_.empty() ? from_unix_nanoseconds(times_.back()) : mixed_.back().time;
}

std::vector<Point> OpenPoints::points() const {
  if (!mixed_.empty()) return mixed_;
  return points_of({store::ChunkType::number, times_, values_, marks_});
}

std::vector<store::ChunkPoints> OpenPoints::columns(WallTime from, WallTime to) const {
  if (!mixed_.empty()) {
    const auto begin = std::ranges::lower_bound(mixed_, from, {}, &Point::time);
    const auto end = std::ranges::lower_bound(mixed_, to, {}, &Point::time);
    return begin < end ? in_columns({begin, end}) : std::vector<store::ChunkPoints>();
  }
  const auto place = [this](WallTime time) {
    return static_cast<std::size_t>(std::ranges::lower_bound(times_, unix_nanoseconds(time)) -
                                    times_.begin());
  };
  std::vector<store::ChunkPoints> all;
  const std::size_t end = to == WallTime::max() ? times_.size() : place(to);
  for (std::size_t begin = place(from); begin < end; begin += kSealedPoints) {
    const std::size_t stop = std::min(end, begin + kSealedPoints);
    store::ChunkPoints part{store::ChunkType::number, part_of(times_, begin, stop),
                            part_of(values_, begin, stop),
                            marks_.empty() ? std::vector<std::uint8_t>() : part_of(marks_, begin, stop)};
    all.push_back(with_integers(std::move(part)));
  }
  return all;
}

}  // namespace dunlin::series
