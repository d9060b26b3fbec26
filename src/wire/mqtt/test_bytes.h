#pragma once
// Test-only: packets written as readable text.

#include <cctype>
#include <cstdint>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "wire/mqtt/writer.h"

namespace dunlin::mqtt::test {

using Bytes = std::vector<std::uint8_t>;

/// "30 [ <a/b> 'xyz' ]": hexadecimal digits are bytes; '...' is text; <...> is text behind its two-byte
/// length; [ ... ] is a block behind its length as a variable byte integer.
class ByteText {
 public:
  explicit ByteText(std::string_view text) : text_(text) {}

  Bytes block(bool nested) {
    Bytes out;
    while (!text_.empty()) {
      const char c = text_.front();
      text_.remove_prefix(1);
      if (c == ' ') continue;
      if (c == ']' && nested) return out;
      append_token(out, c);
    }
    if (nested) throw std::invalid_argument("block is not closed");
    return out;
  }

 private:
  void append_token(Bytes& out, char c) {
    if (c == '\'') return append(out, quoted('\''));
    if (c == '<') {
      const std::string_view text = quoted('>');
      out.push_back(static_cast<std::uint8_t>(text.size() >> 8));
      out.push_back(static_cast<std::uint8_t>(text.size()));
      return append(out, text);
    }
    if (c == '[') {
      const Bytes inner = block(true);
      std::uint8_t length[4];
      Writer writer(length);
      writer.variable_byte_integer(inner.size());
      out.insert(out.end(), length, length + writer.size());
      out.insert(out.end(), inner.begin(), inner.end());
      return;
    }
    out.push_back(static_cast<std::uint8_t>(digit(c) << 4 | digit(text_.empty() ? ' ' : text_.front())));
    text_.remove_prefix(1);
  }

  std::string_view quoted(char end) {
    const std::size_t at = text_.find(end);
    if (at == std::string_view::npos) throw std::invalid_argument("text is not closed");
    const std::string_view text = text_.substr(0, at);
    text_.remove_prefix(at + 1);
    return text;
  }

  static void append(Bytes& out, std::string_view text) { out.insert(out.end(), text.begin(), text.end()); }

  static unsigned digit(char c) {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10;
    throw std::invalid_argument("not a hexadecimal digit");
  }

  std::string_view text_;
};

inline Bytes bytes_of(std::string_view text) {
  return ByteText(text).block(false);
}

}  // namespace dunlin::mqtt::test
