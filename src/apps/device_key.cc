// dunlin device-key new, csr, public: keys of this machine, such as a device's own.

#include "keys/device_key.h"

#include <algorithm>
#include <cstdio>

#include "apps/commands.h"
#include "apps/configuration.h"
#include "apps/new_file.h"
#include "base/rng.h"
#include "security/crypto.h"
#include "security/x509.h"

namespace dunlin::apps {
namespace {

/// To the file, or where none is named, to the standard output.
Result<void> put(Fs& fs, const std::string& out_file, const std::string& text) {
  if (!out_file.empty()) return write_new_file(fs, out_file, text);
  return std::fputs(text.c_str(), stdout) >= 0 ? Result<void>{}
                                               : fail(Errc::io, "cannot write to the standard output");
}

bool is_label(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  });
}

Result<void> make(const KeyCommand& command, Fs& fs) {
  if (command.token.empty()) {
    if (command.out_file.empty())
      return fail(Errc::invalid_argument, "say where: --out FILE, or --token URI --name LABEL");
    DUNLIN_TRY(std::string pem, security::generate_key_pem());
    auto written = write_new_file(fs, command.out_file, pem);
    security::wipe(pem);
    return written;
  }
  if (!is_label(command.name))
    return fail(Errc::invalid_argument, "--name must have 1 to 64 letters, digits and -");
  // Before the key is made: a token keeps what it has.
  if (!command.out_file.empty() && fs.exists(command.out_file))
    return fail(Errc::already_exists, command.out_file + " is there already");
  SystemRng rng;
  DUNLIN_TRY(const std::string uri, keys::make_key_in_token(command.token, command.name, rng));
  return put(fs, command.out_file, uri + "\n");
}

Result<void> request(const KeyCommand& command, Fs& fs) {
  DUNLIN_TRY(std::string text, keys::read_key_text(fs, command.key));
  const auto csr = security::make_csr_pem(text, command.name);
  security::wipe(text);
  return csr ? put(fs, command.out_file, *csr) : std::unexpected(csr.error());
}

Result<void> show(const KeyCommand& command, Fs& fs) {
  DUNLIN_TRY(std::string text, keys::read_key_text(fs, command.key));
  const auto half = security::public_key_of(text);
  security::wipe(text);
  return half ? put(fs, command.out_file, *half) : std::unexpected(half.error());
}

}  // namespace

int run_key(const KeyCommand& command) {
  using Action = KeyCommand::Action;
  const auto fs = make_system_fs();
  const auto done = command.action == Action::make      ? make(command, *fs)
                    : command.action == Action::request ? request(command, *fs)
                                                        : show(command, *fs);
  return done ? 0 : report(done.error());
}

}  // namespace dunlin::apps
