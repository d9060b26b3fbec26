#include "service/series/row.h"

#include <bit>

#include "model/keys.h"

namespace dunlin::series {
namespace {

constexpr char kRowVersion = 1;
/// The byte behind it: quality (2 bits), flags (6 bits).
constexpr unsigned kQualityMask = 0x03;
constexpr unsigned kFlagsShift = 2;
enum class Type : char { number = 0, integer = 1, boolean = 2, text = 3, json = 4 };

std::string fixed_64(std::uint64_t bits) {
  return model::big_endian_64(static_cast<std::int64_t>(bits));
}

struct Encoder {
  std::string& out;
  void put(Type type, std::string_view bytes) const {
    out.push_back(static_cast<char>(type));
    out.append(bytes);
  }
  void operator()(double value) const { put(Type::number, fixed_64(std::bit_cast<std::uint64_t>(value))); }
  void operator()(std::int64_t value) const {
    put(Type::integer, fixed_64(static_cast<std::uint64_t>(value)));
  }
  void operator()(bool value) const { put(Type::boolean, value ? "\1" : std::string_view("\0", 1)); }
  void operator()(const std::string& value) const { put(Type::text, value); }
  void operator()(const model::JsonText& value) const { put(Type::json, value.value); }
  // The bytes themselves stay out of the series (model/mapping.h); their length is the measurement.
  void operator()(const model::Bytes& value) const { (*this)(static_cast<std::int64_t>(value.value.size())); }
};

Result<model::Value> decode_value(Type type, std::string_view bytes) {
  const bool fixed = type == Type::number || type == Type::integer;
  if (fixed && bytes.size() != 8) return fail(Errc::corrupt, "a stored number has a wrong length");
  switch (type) {
    case Type::number:
      return model::Value{std::bit_cast<double>(model::read_big_endian_64(bytes))};
    case Type::integer:
      return model::Value{model::read_big_endian_64(bytes)};
    case Type::boolean:
      if (bytes.size() != 1) break;
      return model::Value{bytes[0] != 0};
    case Type::text:
      return model::Value{std::string(bytes)};
    case Type::json:
      return model::Value{model::JsonText{std::string(bytes)}};
  }
  return fail(Errc::corrupt, "a stored point has an unknown type");
}

}  // namespace

std::string row_key(TenantId tenant, SeriesId series, WallTime time) {
  return model::big_endian_32(tenant.value) + model::big_endian_32(series.value) +
         model::big_endian_64(unix_nanoseconds(time));
}

WallTime time_of_row_key(std::string_view key) {
  return from_unix_nanoseconds(model::read_big_endian_64(key.substr(8, 8)));
}

std::string encode_point(const Point& point) {
  std::string bytes;
  bytes.push_back(kRowVersion);
  bytes.push_back(static_cast<char>(static_cast<unsigned>(point.quality) |
                                    (static_cast<unsigned>(point.flags) << kFlagsShift)));
  std::visit(Encoder{bytes}, point.value);
  return bytes;
}

Result<Point> decode_point(std::string_view key, std::string_view bytes) {
  if (key.size() != kRowKeyBytes || bytes.size() < 3 || bytes[0] != kRowVersion)
    return fail(Errc::corrupt, "a stored point has an unknown form");
  const auto how = static_cast<std::uint8_t>(bytes[1]);
  const auto quality = static_cast<model::Quality>(how & kQualityMask);
  if (quality > model::Quality::bad) return fail(Errc::corrupt, "a stored point has an unknown quality");
  DUNLIN_TRY(model::Value value, decode_value(static_cast<Type>(bytes[2]), bytes.substr(3)));
  return Point{time_of_row_key(key), std::move(value), quality,
               static_cast<std::uint8_t>(how >> kFlagsShift)};
}

std::optional<double> number_of(const model::Value& value) {
  if (const auto* number = std::get_if<double>(&value)) return *number;
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return static_cast<double>(*integer);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? 1.0 : 0.0;
  return std::nullopt;
}

}  // namespace dunlin::series
