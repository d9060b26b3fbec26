#include "service/series/sample_record.h"

#include <algorithm>
#include <utility>

#include "store/chunk/bytes_io.h"

namespace dunlin::series {
namespace {

using store::ByteReader;
using store::ByteWriter;

constexpr std::uint8_t kVersion = 1;
enum class Part : std::uint8_t { series = 1, tags = 2, position = 3, points = 4, deletion = 5, notes = 6 };
enum class Type : std::uint8_t { number, integer, no, yes, text, json };

/// The byte in front of a value: its type, and whether a byte for quality and flags follows.
constexpr std::uint8_t kTypeMask = 0x07;
constexpr std::uint8_t kMarked = 0x08;
constexpr std::uint8_t kQualityMask = 0x03;
constexpr unsigned kFlagsShift = 2;

struct PutValue {
  ByteWriter& to;
  std::uint8_t marks;

  void type(Type type) const { to.byte(static_cast<std::uint8_t>(type) | (marks == 0 ? 0U : kMarked)); }
  void mark() const {
    if (marks != 0) to.byte(marks);
  }
  void operator()(double value) const {
    type(Type::number);
    mark();
    to.number(value);
  }
  void operator()(std::int64_t value) const {
    type(Type::integer);
    mark();
    to.signed_varint(value);
  }
  void operator()(bool value) const {
    type(value ? Type::yes : Type::no);
    mark();
  }
  void operator()(const std::string& value) const { text(Type::text, value); }
  void operator()(const model::JsonText& value) const { text(Type::json, value.value); }
  // The bytes themselves stay out of the series (model/mapping.h); their length is the measurement.
  void operator()(const model::Bytes& value) const { (*this)(static_cast<std::int64_t>(value.value.size())); }
  void text(Type kind, std::string_view value) const {
    type(kind);
    mark();
    to.counted_text(value);
  }
};

void put_value(ByteWriter& to, const Point& point) {
  const auto marks = static_cast<std::uint8_t>(static_cast<unsigned>(point.quality) |
                                               (static_cast<unsigned>(point.flags) << kFlagsShift));
  std::visit(PutValue{to, marks}, point.value);
}

model::Value read_value_of(Type type, ByteReader& from) {
  switch (type) {
    case Type::number:
      return from.number();
    case Type::integer:
      return from.signed_varint();
    case Type::no:
      return false;
    case Type::yes:
      return true;
    case Type::text:
      return std::string(from.counted_text());
    case Type::json:
      return model::JsonText{std::string(from.counted_text())};
  }
  from.broken();
  return false;
}

Point read_point(WallTime time, ByteReader& from) {
  const std::uint8_t how = from.byte();
  const std::uint8_t marks = (how & kMarked) != 0 ? from.byte() : 0;
  const bool known = (how & ~(kTypeMask | kMarked)) == 0 &&
                     (marks & kQualityMask) <= static_cast<unsigned>(model::Quality::bad);
  if (!known) from.broken();
  model::Value value = read_value_of(static_cast<Type>(how & kTypeMask), from);
  return {time, std::move(value), static_cast<model::Quality>(marks & kQualityMask),
          static_cast<std::uint8_t>(marks >> kFlagsShift)};
}

void put_series(ByteWriter& to, const SeriesInfo& info) {
  to.byte(std::to_underlying(Part::series));
  to.varint(info.id.value);
  to.varint(info.tenant.value);
  to.counted_text(info.device);
  to.counted_text(info.channel);
  to.counted_text(info.unit);
}

void put_tags(ByteWriter& to, const DeviceTags& of) {
  to.byte(std::to_underlying(Part::tags));
  to.varint(of.tenant.value);
  to.counted_text(of.device);
  to.varint(of.tags.size());
  for (const auto& [name, value] : of.tags) {
    to.counted_text(name);
    to.counted_text(value);
  }
}

/// Series and times as differences from the point before: a batch of neighbours takes a byte or two for each.
void put_points(ByteWriter& to, std::span<const NewPoint> points) {
  to.byte(std::to_underlying(Part::points));
  to.varint(points.size());
  std::int64_t series = 0;
  std::int64_t time = 0;
  for (const NewPoint& one : points) {
    const std::int64_t at = unix_nanoseconds(one.point.time);
    to.signed_varint(static_cast<std::int64_t>(one.series.value) - series);
    to.signed_varint(store::wrapping_subtract(at, time));
    put_value(to, one.point);
    series = one.series.value;
    time = at;
  }
}

void put_deletion(ByteWriter& to, const Deletion& deletion) {
  to.byte(std::to_underlying(Part::deletion));
  to.varint(deletion.series.value);
  to.signed_varint(unix_nanoseconds(deletion.from));
  to.signed_varint(unix_nanoseconds(deletion.to));
}

void put_notes(ByteWriter& to, std::span<const PointNote> notes) {
  to.byte(std::to_underlying(Part::notes));
  to.varint(notes.size());
  for (const PointNote& note : notes) {
    to.varint(note.point);
    to.byte(static_cast<std::uint8_t>((std::clamp(note.hops, 0, kMaxNotedHops) << 1) |
                                      (note.watch == model::Watch::muted ? 1 : 0)));
  }
}

std::uint32_t read_number_32(ByteReader& from) {
  const std::uint64_t value = from.varint();
  if (value > 0xffffffffU) return from.broken();
  return static_cast<std::uint32_t>(value);
}

SeriesInfo read_series(ByteReader& from) {
  SeriesInfo info;
  info.id = SeriesId{read_number_32(from)};
  info.tenant = TenantId{read_number_32(from)};
  info.device = from.counted_text();
  info.channel = from.counted_text();
  info.unit = from.counted_text();
  return info;
}

DeviceTags read_tags(ByteReader& from) {
  DeviceTags of;
  of.tenant = TenantId{read_number_32(from)};
  of.device = from.counted_text();
  for (std::uint64_t left = from.varint(); left > 0 && from.ok(); --left) {
    std::string name(from.counted_text());
    of.tags.insert_or_assign(std::move(name), std::string(from.counted_text()));
  }
  return of;
}

ConsumerPosition read_position(ByteReader& from) {
  ConsumerPosition position;
  position.consumer = from.counted_text();
  const std::uint32_t journal = read_number_32(from);
  if (journal > 0xffffU) from.broken();
  position.at = {static_cast<std::uint16_t>(journal), from.varint()};
  return position;
}

Deletion read_deletion(ByteReader& from) {
  const SeriesId series{read_number_32(from)};
  const WallTime begin = from_unix_nanoseconds(from.signed_varint());
  return {series, begin, from_unix_nanoseconds(from.signed_varint())};
}

void read_notes(ByteReader& from, std::vector<PointNote>& to) {
  for (std::uint64_t left = from.varint(); left > 0 && from.ok(); --left) {
    const std::uint32_t point = read_number_32(from);
    const std::uint8_t note = from.byte();
    if (!to.empty() && point <= to.back().point) from.broken();
    if (from.ok())
      to.push_back({point, note >> 1, (note & 1) != 0 ? model::Watch::muted : model::Watch::watched});
  }
}

void read_points(ByteReader& from, std::vector<NewPoint>& to) {
  std::int64_t series = 0;
  std::int64_t time = 0;
  for (std::uint64_t left = from.varint(); left > 0 && from.ok(); --left) {
    series = store::wrapping_add(series, from.signed_varint());
    time = store::wrapping_add(time, from.signed_varint());
    if (series < 0 || series > 0xffffffffLL) from.broken();
    Point point = read_point(from_unix_nanoseconds(time), from);
    if (from.ok()) to.push_back({SeriesId{static_cast<std::uint32_t>(series)}, std::move(point)});
  }
}

}  // namespace

std::string encode_sample_record(const SampleRecord& record) {
  constexpr std::size_t kUsualPointBytes = 14;
  ByteWriter to;
  to.reserve(record.points.size() * kUsualPointBytes + 64);
  to.byte(kVersion);
  for (const SeriesInfo& info : record.series) put_series(to, info);
  for (const DeviceTags& tags : record.tags) put_tags(to, tags);
  for (const ConsumerPosition& position : record.positions) {
    to.byte(std::to_underlying(Part::position));
    to.counted_text(position.consumer);
    to.varint(position.at.journal);
    to.varint(position.at.position);
  }
  for (const Deletion& deletion : record.deletions) put_deletion(to, deletion);
  if (!record.points.empty()) put_points(to, record.points);
  if (!record.notes.empty()) put_notes(to, record.notes);
  return to.take();
}

Result<SampleRecord> decode_sample_record(std::string_view bytes) {
  ByteReader from(bytes);
  if (from.byte() != kVersion) return fail(Errc::corrupt, "a record of samples has an unknown form");
  SampleRecord record;
  while (from.ok() && !from.at_end()) {
    switch (static_cast<Part>(from.byte())) {
      case Part::series:
        record.series.push_back(read_series(from));
        break;
      case Part::tags:
        record.tags.push_back(read_tags(from));
        break;
      case Part::position:
        record.positions.push_back(read_position(from));
        break;
      case Part::deletion:
        record.deletions.push_back(read_deletion(from));
        break;
      case Part::points:
        read_points(from, record.points);
        break;
      case Part::notes:
        read_notes(from, record.notes);
        break;
      default:
        from.broken();
    }
  }
  if (!from.ok()) return fail(Errc::corrupt, "a record of samples is damaged");
  return record;
}

std::string encode_value(const Point& point) {
  ByteWriter to;
  put_value(to, point);
  return to.take();
}

Result<Point> decode_value(WallTime time, std::string_view bytes) {
  ByteReader from(bytes);
  Point point = read_point(time, from);
  if (!from.at_end()) return fail(Errc::corrupt, "a stored value is damaged");
  return point;
}

}  // namespace dunlin::series
