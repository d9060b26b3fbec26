#pragma once
// Reads lines of the InfluxDB line protocol, one after the other, without a heap.

#include <array>
#include <cstddef>
#include <expected>
#include <optional>
#include <string_view>

#include "wire/line_protocol/limits.h"
#include "wire/line_protocol/line.h"

namespace dunlin::line_protocol {

using LineResult = std::expected<Line, LineError>;

/// One pass over the input, which must outlive it. About 30 KB: keep one, do not copy it. One thread.
///
/// What is not looked at here is the inside of names: whoever knows a key already need not have it read
/// again. For new ones there are read_key(), and check_name() for the key of a field.
class Decoder {
 public:
  explicit Decoder(std::string_view input)
      : at_(input.data()), end_(input.data() + input.size()), line_(at_), limit_(at_) {}
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  /// The next line that is neither blank nor a comment, or why it is refused; nothing at the end. After an
  /// error reading goes on with the line that follows.
  std::optional<LineResult> next();

 private:
  using Why = std::string_view;  // empty: all is well

  bool find_line();
  Why read_line(Line& line);
  Why read_fields();
  Why read_field_key(Text& key);
  Why read_value(Value& value);
  Why read_number(Value& value);
  Why read_integer(Value& value, const char* begin, char suffix);
  Why read_decimal(Value& value, const char* begin);
  Why read_boolean(Value& value);
  Why read_text(Value& value);
  Why read_time(Line& line);
  Why end_line();
  void skip_blanks();
  bool at_end_of_value() const;
  LineResult refuse(Why why);

  const char* at_;
  const char* const end_;
  const char* line_;   // the beginning of this line
  const char* limit_;  // as far as it may go
  std::size_t number_ = 1;
  std::size_t inner_lines_ = 0;  // line ends inside of texts
  std::size_t count_ = 0;
  std::array<Field, kMaxFields> fields_;
};

}  // namespace dunlin::line_protocol
