#include "keys/secret_source.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/fs.h"
#include "keys/limits.h"

namespace dunlin::keys {
namespace {

constexpr std::string_view kFile = "file:";
constexpr std::string_view kVariable = "env:";
constexpr std::string_view kCredential = "credential:";
constexpr std::string_view kPrompt = "prompt";

/// "file://host/..." of RFC 8089 is not meant; "file:///x" and "file:/x" are.
std::string path_of(std::string_view source) {
  if (source.starts_with(kFile)) source.remove_prefix(kFile.size());
  if (source.starts_with("///")) source.remove_prefix(2);
  return std::string(source);
}

Result<std::string> first_line(std::string text, const std::string& where) {
  if (const std::size_t end = text.find_first_of("\r\n"); end != std::string::npos) {
    OPENSSL_cleanse(text.data() + end, text.size() - end);
    text.resize(end);
  }
  if (text.empty()) return fail(Errc::invalid_argument, "there is no secret in " + where);
  if (text.size() > kMaxSecretBytes)
    return fail(Errc::limit_exceeded, "the secret in " + where + " is longer than 1024 bytes");
  return text;
}

Result<std::string> from_file(const std::string& path) {
  const auto fs = make_system_fs();
  auto text = read_file(*fs, path, 2 * kMaxSecretBytes);
  if (!text)
    return fail(text.error().code, "the secret cannot be read from " + path + ": " + text.error().message);
  return first_line(*std::move(text), path);
}

Result<std::string> from_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return fail(Errc::not_found, "the variable " + name + " is not set");
  return first_line(value, "the variable " + name);
}

Result<std::string> from_credential(const std::string& name) {
  const char* folder = std::getenv("CREDENTIALS_DIRECTORY");
  if (folder == nullptr)
    return fail(Errc::not_found, "there is no credential " + name + ": CREDENTIALS_DIRECTORY is not set");
  return from_file(std::string(folder) + "/" + name);
}

/// The terminal without its echo, until it goes.
class QuietTerminal {
 public:
  explicit QuietTerminal(int fd) : fd_(fd) {
    known_ = tcgetattr(fd_, &before_) == 0;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    if (known_) tcsetattr(fd_, TCSAFLUSH, &quiet);
  }
  QuietTerminal(const QuietTerminal&) = delete;
  QuietTerminal& operator=(const QuietTerminal&) = delete;
  ~QuietTerminal() {
    if (known_) tcsetattr(fd_, TCSAFLUSH, &before_);
    close(fd_);
  }
  void say(std::string_view text) const { static_cast<void>(write(fd_, text.data(), text.size())); }
  std::string read_line() const {
    std::string line;
    char c = 0;
    while (line.size() <= kMaxSecretBytes && read(fd_, &c, 1) == 1 && c != '\n') line += c;
    return line;
  }

 private:
  int fd_;
  termios before_{};
  bool known_ = false;
};

Result<std::string> from_terminal(std::string_view what) {
  const int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
  if (fd < 0)
    return fail(Errc::not_found, "there is no terminal to ask for " + std::string(what) +
                                     ": name a file, a variable or a credential instead");
  const QuietTerminal terminal(fd);
  terminal.say(std::string(what) + ": ");
  std::string line = terminal.read_line();
  terminal.say("\n");
  return first_line(std::move(line), "the answer");
}

bool is_name(std::string_view text) {
  return !text.empty() && !text.contains('/') && !text.contains('=') && !text.contains('\0');
}

}  // namespace

Result<void> check_secret_source(std::string_view source) {
  const auto rest = [&](std::string_view kind) { return source.substr(kind.size()); };
  const bool known =
      source == kPrompt || (source.starts_with('/') && source.size() > 1) ||
      (source.starts_with(kFile) && path_of(source).starts_with('/') && !path_of(source).starts_with("//")) ||
      (source.starts_with(kVariable) && is_name(rest(kVariable))) ||
      (source.starts_with(kCredential) && is_name(rest(kCredential)));
  if (known && source.size() <= kMaxUriBytes) return {};
  // Not repeated: it may be the secret itself.
  return fail(
      Errc::invalid_argument,
      "a secret comes from file:/PATH, env:NAME, credential:NAME or prompt, not from the text itself");
}

Result<std::string> read_secret(std::string_view source, std::string_view what) {
  DUNLIN_CHECK(check_secret_source(source));
  if (source == kPrompt) return from_terminal(what);
  if (source.starts_with(kVariable)) return from_environment(std::string(source.substr(kVariable.size())));
  if (source.starts_with(kCredential)) return from_credential(std::string(source.substr(kCredential.size())));
  return from_file(path_of(source));
}

}  // namespace dunlin::keys
