// Any bytes: no crash, reading ends, errors lie inside of the input, and what is read can be written and read
// again.

#include <cstdlib>
#include <string>
#include <vector>

#include "wire/line_protocol/decoder.h"
#include "wire/line_protocol/encoder.h"
#include "wire/line_protocol/escape.h"
#include "wire/line_protocol/key.h"

namespace {

using namespace dunlin::line_protocol;

std::string plain(const Text& text, Place place) {
  std::string bytes(text.raw.size(), '\0');
  return std::string(unescape(text, place, bytes));
}

bool is_same(const Value& a, const Value& b) {
  const auto* a_text = std::get_if<Text>(&a);
  const auto* b_text = std::get_if<Text>(&b);
  if (a_text != nullptr && b_text != nullptr)
    return plain(*a_text, Place::text) == plain(*b_text, Place::text);
  if (a.index() != b.index()) return false;
  return std::visit(
      [&b](const auto& value) {
        using Kind = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<Kind, Text>)
          return false;
        else
          return value == std::get<Kind>(b);
      },
      a);
}

void write_and_read(const Line& line, const Key& key) {
  std::vector<std::string> texts;  // never grows past what it has reserved
  texts.reserve(1 + 2 * key.tag_count + 2 * line.fields.size());
  const auto keep = [&texts](const Text& text, Place place) -> std::string_view {
    return texts.emplace_back(plain(text, place));
  };
  std::vector<std::pair<std::string_view, std::string_view>> tags;
  for (const Tag& tag : key.tags())
    tags.emplace_back(keep(tag.key, Place::name), keep(tag.value, Place::name));
  std::vector<std::pair<std::string_view, PlainValue>> fields;
  for (const Field& field : line.fields) {
    const PlainValue value = std::visit(
        [&keep](const auto& any) -> PlainValue {
          if constexpr (std::is_same_v<std::decay_t<decltype(any)>, Text>)
            return keep(any, Place::text);
          else
            return any;
        },
        field.value);
    fields.emplace_back(keep(field.key, Place::name), value);
  }
  const PlainLine written{keep(key.measurement, Place::measurement), tags, fields, line.time};
  std::string bytes(encoded_bound(written), '\0');
  const auto length = encode(written, bytes);
  if (!length || *length > kMaxLineBytes) return;  // what the format cannot hold, or what grew by backslashes
  bytes.resize(*length);
  Decoder decoder(bytes);
  const auto again = decoder.next();
  if (!again || !*again || (*again)->time != line.time || (*again)->fields.size() != line.fields.size())
    std::abort();
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (!is_same((*again)->fields[i].value, line.fields[i].value)) std::abort();
  }
  if (decoder.next()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  Decoder decoder(input);
  std::size_t last = 0;
  while (const auto line = decoder.next()) {
    const std::size_t number = *line ? (*line)->number : line->error().line;
    if (number <= last) std::abort();
    last = number;
    if (!*line) {
      if (line->error().why.empty() || line->error().column > size + 1) std::abort();
      continue;
    }
    if ((*line)->fields.empty()) std::abort();
    const auto key = read_key((*line)->key);
    if (key)
      write_and_read(**line, *key);
    else if (error_at(**line, key.error().place, key.error().why).column > size + 1)
      std::abort();
  }
  return 0;
}
