#include "model/cbor.h"

#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/base64.h"
#include "wire/cbor/reader.h"

namespace dunlin::model {
namespace {

using cbor::Item;
using cbor::Kind;

void append_text(std::string& json, std::string_view text) {
  json += boost::json::serialize(boost::json::string_view(text.data(), text.size()));
}

void append_number(std::string& json, auto number) {
  std::array<char, 32> digits;
  json.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr);
}

Result<void> append_real(std::string& json, double number) {
  if (!std::isfinite(number)) return fail(Errc::malformed, "a number of the CBOR is not finite");
  const std::size_t before = json.size();
  append_number(json, number);
  // A whole number stays floating point.
  if (json.find_first_of(".e", before) == std::string::npos) json += ".0";
  return {};
}

/// One item with all that it holds.
class Translation {
 public:
  Translation(std::string_view cbor, LabelNames names) : reader_(as_bytes(cbor)), names_(names) {}

  Result<std::string> run() {
    DUNLIN_TRY(const Item first, next());
    DUNLIN_CHECK(append(first, 0));
    if (!reader_.at_end()) return fail(Errc::malformed, "something follows the CBOR");
    return std::move(json_);
  }

 private:
  /// The next item behind its tags.
  Result<Item> next() {
    while (true) {
      const auto item = reader_.next();
      if (!item) return fail(item.error().code, std::string(item.error().context));
      if (item->kind != Kind::tag) return *item;
    }
  }

  Result<void> append(const Item& item, std::size_t depth) {
    switch (item.kind) {
      case Kind::unsigned_integer:
        append_number(json_, item.argument);
        return {};
      case Kind::negative_integer:
        if (item.argument > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
          return fail(Errc::limit_exceeded, "a number of the CBOR is not within 64 bits");
        append_number(json_, -1 - static_cast<std::int64_t>(item.argument));
        return {};
      case Kind::bytes:
        append_text(json_, to_base64url(as_bytes(item.content)));
        return {};
      case Kind::text:
        append_text(json_, item.content);
        return {};
      case Kind::array:
      case Kind::map:
        return append_container(item, depth + 1);
      case Kind::boolean:
        json_ += item.truth ? "true" : "false";
        return {};
      case Kind::number:
        return append_real(json_, item.number);
      case Kind::null:
      case Kind::undefined:
        json_ += "null";
        return {};
      case Kind::tag:
      case Kind::stop:
        break;
    }
    return fail(Errc::malformed, "the CBOR ends something that has not begun");
  }

  Result<void> append_container(const Item& container, std::size_t depth) {
    if (depth > kMaxCborDepth) return fail(Errc::limit_exceeded, "the CBOR is nested too deeply");
    const bool is_map = container.kind == Kind::map;
    const bool is_counted = container.length == Item::Length::known;
    json_ += is_map ? '{' : '[';
    for (std::uint64_t i = 0; !is_counted || i < container.argument; ++i) {
      DUNLIN_TRY(Item item, next());
      if (item.kind == Kind::stop && !is_counted) break;
      if (i > 0) json_ += ',';
      if (is_map) {
        DUNLIN_CHECK(append_key(item));
        json_ += ':';
        DUNLIN_TRY(item, next());
      }
      DUNLIN_CHECK(append(item, depth));
    }
    json_ += is_map ? '}' : ']';
    return {};
  }

  Result<void> append_key(const Item& key) {
    if (key.kind == Kind::text) {
      append_text(json_, key.content);
      return {};
    }
    const bool is_integer = key.kind == Kind::unsigned_integer || key.kind == Kind::negative_integer;
    if (is_integer && names_ != nullptr && key.argument < 1000) {
      const auto number = static_cast<std::int64_t>(key.argument);
      const auto name = names_(key.kind == Kind::unsigned_integer ? number : -1 - number);
      if (!name.empty()) {
        append_text(json_, name);
        return {};
      }
    }
    return fail(Errc::malformed, "a key of the CBOR is not known");
  }

  cbor::Reader reader_;
  LabelNames names_;
  std::string json_;
};

}  // namespace

Result<std::string> json_of_cbor(std::string_view cbor, LabelNames names) {
  if (cbor.size() > kMaxCborBytes) return fail(Errc::limit_exceeded, "the CBOR is too long");
  return Translation(cbor, names).run();
}

}  // namespace dunlin::model
