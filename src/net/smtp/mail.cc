#include "net/smtp/mail.h"

#include <algorithm>

#include "base/base64.h"
#include "base/core/assert.h"
#include "base/core/utf8.h"
#include "base/time_pattern.h"
#include "net/smtp/limits.h"

namespace dunlin::net::smtp {
namespace {

constexpr std::size_t kMaxTextLine = 998;
constexpr std::size_t kBase64Line = 57;  // bytes that make a line of 76
constexpr std::size_t kWordBytes = 39;   // of an encoded word, so that "Subject: " and it are a line of 76

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c < 0x80; });
}
bool continues(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

/// Up to `most` bytes, and no half character.
std::string_view whole_characters(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && continues(text[most])) --most;
  return text.substr(0, most);
}

std::string valid(std::string_view text) {
  std::string made(text);
  if (is_valid_utf8(made)) return made;
  for (char& c : made)
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  return made;
}

/// What stands in a header: one line of valid UTF-8.
std::string one_line(std::string_view text, std::size_t most) {
  std::string made = valid(text);
  made = whole_characters(made, most);
  for (char& c : made)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  return made;
}

/// RFC 2047 section 2: words of UTF-8 in base64, folded.
std::string encoded_words(std::string_view text) {
  std::string made;
  while (!text.empty()) {
    const std::string_view word = whole_characters(text, kWordBytes);
    text.remove_prefix(word.size());
    if (!made.empty()) made += "\r\n ";
    made += "=?UTF-8?B?" + to_base64(as_bytes(word)) + "?=";
  }
  return made;
}

std::string subject_text(std::string_view subject) {
  const std::string line = one_line(subject, kMaxSubjectBytes);
  // "=?" would be read as an encoded word; a long line would have to be folded at blanks it may not have.
  constexpr std::size_t kPlain = 66;  // with "Subject: " a line of 75
  const bool plain = is_ascii(line) && !line.contains("=?") && line.size() <= kPlain;
  return plain ? line : encoded_words(line);
}

std::string sender_text(const Mail& mail) {
  const std::string name = one_line(mail.from_name, kMaxNameBytes);
  if (name.empty()) return "<" + mail.from + ">";
  const bool plain = name.size() <= kWordBytes &&
                     std::ranges::all_of(name, [](char c) { return is_alphanumeric(c) || c == ' '; });
  return (plain ? "\"" + name + "\"" : encoded_words(name)) + "\r\n <" + mail.from + ">";
}

std::string date_text(WallTime date) {
  // RFC 5322 section 3.3.
  static const TimePattern pattern = [] {
    auto made = TimePattern::parse("EEE, dd MMM uuuu HH:mm:ss xx", TimePattern::Dialect::java);
    DUNLIN_ASSERT(made.has_value());
    return *std::move(made);
  }();
  const auto text = pattern.format(std::chrono::floor<std::chrono::milliseconds>(date), TimeZone::fixed({}));
  DUNLIN_ASSERT(text.has_value());  // a WallTime is of 1677 to 2262
  return *text;
}

/// With CRLF at the end of each line, also of the last one. Carriage returns that end no line go.
std::string with_line_ends(std::string_view text) {
  std::string made;
  for (const char c : text) {
    if (c == '\r') continue;
    if (c == '\n') made += '\r';
    made += c;
  }
  if (!made.ends_with('\n')) made += "\r\n";
  return made;
}

bool may_go_as_it_is(std::string_view text) {
  if (!is_ascii(text) || text.contains('\0')) return false;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (std::min(end, text.size()) > kMaxTextLine) return false;
    if (end == std::string_view::npos) return true;
    text.remove_prefix(end + 1);
  }
  return true;
}

std::string body_text(std::string_view text) {
  const std::string lines = with_line_ends(valid(text));
  if (may_go_as_it_is(lines)) return "Content-Transfer-Encoding: 7bit\r\n\r\n" + lines;
  std::string made = "Content-Transfer-Encoding: base64\r\n\r\n";
  for (std::string_view rest = lines; !rest.empty(); rest.remove_prefix(std::min(kBase64Line, rest.size())))
    made += to_base64(as_bytes(rest.substr(0, kBase64Line))) + "\r\n";
  return made;
}

Result<void> check(const Mail& mail) {
  if (!is_mail_address(mail.from))
    return fail(Errc::invalid_argument, "the sender is no mail address: name@host");
  if (mail.to.empty()) return fail(Errc::invalid_argument, "a mail needs somebody it goes to");
  if (mail.to.size() > kMaxRecipients)
    return fail(Errc::limit_exceeded, "a mail goes to at most " + std::to_string(kMaxRecipients));
  for (std::size_t i = 0; i < mail.to.size(); ++i)
    if (!is_mail_address(mail.to[i]))
      return fail(Errc::invalid_argument,
                  "receiver " + std::to_string(i + 1) + " is no mail address: name@host");
  if (mail.text.size() > kMaxMailBytes)
    return fail(Errc::limit_exceeded,
                "a mail has at most " + std::to_string(kMaxMailBytes) + " bytes of text");
  const bool is_id =
      !mail.id.empty() && mail.id.size() <= kMaxLocalPartBytes &&
      std::ranges::all_of(mail.id, [](char c) { return is_alphanumeric(c) || c == '-' || c == '.'; });
  if (!is_id) return fail(Errc::invalid_argument, "the id of a mail is made of letters, digits, '-' and '.'");
  return {};
}

}  // namespace

bool is_mail_address(std::string_view text) {
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos || at == 0 || text.size() > kMaxAddressBytes) return false;
  const std::string_view local = text.substr(0, at);
  const std::string_view domain = text.substr(at + 1);
  const auto dots_are_between = [](std::string_view part) {
    return !part.empty() && part.front() != '.' && part.back() != '.' && !part.contains("..");
  };
  const auto is_atom = [](char c) {
    return is_alphanumeric(c) || std::string_view("!#$%&'*+-/=?^_`{|}~.").contains(c);
  };
  const auto is_domain = [](char c) { return is_alphanumeric(c) || c == '-' || c == '.'; };
  return local.size() <= kMaxLocalPartBytes && dots_are_between(local) && dots_are_between(domain) &&
         std::ranges::all_of(local, is_atom) && std::ranges::all_of(domain, is_domain);
}

Result<std::string> compose(const Mail& mail) {
  DUNLIN_CHECK(check(mail));
  std::string made = "Date: " + date_text(mail.date) + "\r\n";
  made += "From: " + sender_text(mail) + "\r\n";
  made += "To: ";
  for (const std::string& address : mail.to) {
    if (&address != &mail.to.front()) made += ",\r\n ";
    made += "<" + address + ">";
  }
  made += "\r\nSubject: " + subject_text(mail.subject) + "\r\n";
  made += "Message-ID: <" + mail.id + "@" + mail.from.substr(mail.from.rfind('@') + 1) + ">\r\n";
  // RFC 3834: nobody's automatic answer is wanted.
  made +=
      "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n";
  return made + body_text(mail.text);
}

}  // namespace dunlin::net::smtp
