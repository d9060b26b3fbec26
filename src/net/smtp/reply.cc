#include "net/smtp/reply.h"

#include <algorithm>
#include <utility>

#include "net/smtp/limits.h"

namespace dunlin::net::smtp {

std::string Reply::shown() const {
  std::string made = std::to_string(code);
  for (const std::string& line : lines) made += " " + line;
  made.resize(std::min(made.size(), kMaxShownReplyBytes));
  for (char& c : made)
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7F) c = '?';
  return made;
}

std::optional<std::string_view> Reply::extension(std::string_view keyword) const {
  const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; };
  // The first line is the greeting.
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const std::string_view line = lines[i];
    // Some old servers write AUTH=LOGIN.
    const std::size_t end = std::min(line.find_first_of(" ="), line.size());
    if (std::ranges::equal(line.substr(0, end), keyword, {}, upper, upper))
      return line.substr(std::min(end + 1, line.size()));
  }
  return std::nullopt;
}

std::size_t ReplyReader::feed(ByteView bytes) {
  std::size_t used = 0;
  while (state_ == State::more && used < bytes.size()) {
    const char c = static_cast<char>(bytes[used++]);
    if (c == '\n') {
      state_ = end_line();
    } else if (line_.size() == kMaxReplyLineBytes) {
      state_ = State::malformed;
    } else {
      line_ += c;
    }
  }
  return used;
}

ReplyReader::State ReplyReader::end_line() {
  std::string line = std::exchange(line_, {});
  if (line.ends_with('\r')) line.pop_back();
  const auto digit = [&](std::size_t i) { return line[i] >= '0' && line[i] <= '9' ? line[i] - '0' : -1; };
  if (line.size() < 3 || digit(0) < 2 || digit(0) > 5 || digit(1) < 0 || digit(2) < 0)
    return State::malformed;
  const char mark = line.size() == 3 ? ' ' : line[3];
  if (mark != ' ' && mark != '-') return State::malformed;
  const int code = digit(0) * 100 + digit(1) * 10 + digit(2);
  if ((!reply_.lines.empty() && reply_.code != code) || reply_.lines.size() == kMaxReplyLines)
    return State::malformed;
  reply_.code = code;
  reply_.lines.push_back(line.substr(std::min<std::size_t>(4, line.size())));
  return mark == ' ' ? State::complete : State::more;
}

Reply ReplyReader::take() {
  state_ = State::more;
  return std::exchange(reply_, {});
}

}  // namespace dunlin::net::smtp
