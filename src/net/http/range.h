#pragma once
// Parts of a representation (RFC 9110 sections 13.1.5 and 14). Pure functions, any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dunlin::net::http {

struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  // inclusive
  std::uint64_t size() const { return last - first + 1; }
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

/// What a request's Range asks of a body.
struct RangeAnswer {
  enum class Outcome : std::uint8_t {
    whole,          // 200: another unit, several ranges, or no range at all
    part,           // 206
    unsatisfiable,  // 416
  } outcome = Outcome::whole;
  ByteRange range{};  // for `part`: inside the body
};
/// Of a body of `size` bytes. A field that is malformed is ignored, as are several ranges in one (section
/// 14.2): the whole body is a right answer to them.
RangeAnswer read_range(std::string_view field, std::uint64_t size);

/// Whether the range counts: the field is the entity tag, and a strong one (section 13.1.5). A date never
/// holds: what is served here says none.
bool if_range_holds(std::string_view if_range, std::string_view entity_tag);

/// "bytes 0-99/1234", and of a range that cannot be had "bytes */1234" (section 14.4).
std::string content_range(const ByteRange& range, std::uint64_t size);
std::string unsatisfied_range(std::uint64_t size);

/// The first byte of "bytes 100-199/1234", and the size of the whole; nullopt: another form. For who reads
/// answers.
struct ContentRange {
  ByteRange range{};
  std::uint64_t size = 0;
};
std::optional<ContentRange> parse_content_range(std::string_view field);

}  // namespace dunlin::net::http
