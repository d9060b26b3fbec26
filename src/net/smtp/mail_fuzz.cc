// Any bytes as the fields of a mail, in lines that end in NUL: refused, or a mail with exactly our headers,
// no line that is too long, and no line end but CRLF.
#include <cstdlib>

#include "net/smtp/mail.h"

namespace {

void expect(bool truth) {
  if (!truth) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dunlin::net::smtp;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto field = [&rest] {
    const std::size_t end = std::min(rest.find('\0'), rest.size());
    const std::string_view made = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return std::string(made);
  };
  Mail mail;
  mail.from = field();
  mail.to = {field()};
  mail.from_name = field();
  mail.subject = field();
  mail.id = "1";
  mail.text = rest;
  if (!is_mail_address(mail.from)) mail.from = "a@b";
  if (!is_mail_address(mail.to[0])) mail.to[0] = "a@b";
  const auto made = compose(mail);
  expect(made.has_value());
  std::string_view left = *made;
  int headers = 0;
  bool in_headers = true;
  while (!left.empty()) {
    const std::size_t end = left.find("\r\n");
    expect(end != std::string_view::npos && end <= 998);
    const std::string_view line = left.substr(0, end);
    expect(!line.contains('\r') && !line.contains('\n'));
    in_headers = in_headers && !line.empty();
    if (in_headers && !line.starts_with(' ')) ++headers;
    left.remove_prefix(end + 2);
  }
  expect(headers == 9);
  return 0;
}
