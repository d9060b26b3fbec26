#include "apps/key_options.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "keys/secret_source.h"

namespace dunlin::apps {
namespace {

constexpr const char* kKeyHelp = "a file with the key in PEM form, or the pkcs11: URI of one in a token";
constexpr const char* kPassphraseHelp =
    "where the passphrase comes from: file:/PATH, env:NAME, credential:NAME or prompt";

/// The text never is the secret itself: a command line is seen by others.
CLI::Validator is_source() {
  return CLI::Validator(
      [](const std::string& text) {
        const auto good = keys::check_secret_source(text);
        return good ? std::string() : good.error().message;
      },
      "");
}

struct KeyVerb {
  CLI::App* app;
  std::shared_ptr<KeyCommand> command;  // shared with the callback; so are the others
};

KeyVerb add_key_verb(CLI::App& noun, const char* verb, const char* help, KeyCommand::Action action,
                     Command& command) {
  const KeyVerb made{noun.add_subcommand(verb, help), std::make_shared<KeyCommand>()};
  made.command->action = action;
  made.app->callback([asked = made.command, &command] { command = *asked; });
  return made;
}

void add_own_keys(CLI::App& noun, Command& command) {
  using Action = KeyCommand::Action;
  const KeyVerb make =
      add_key_verb(noun, "new", "make a P-256 key, in a file or in a PKCS#11 token that keeps it to itself",
                   Action::make, command);
  CLI::Option* token =
      make.app->add_option("--token", make.command->token, "the token's URI, e.g. pkcs11:token=plant?...");
  make.app->add_option("--name", make.command->name, "the key's label in the token: letters, digits and -")
      ->needs(token);
  make.app->add_option("--out", make.command->out_file,
                       "the file, which must not exist: the key, or the URI of the one in the token");

  const KeyVerb request =
      add_key_verb(noun, "csr", "make a certificate request (PKCS#10) for a key", Action::request, command);
  request.app->add_option("--name", request.command->name, "the common name, e.g. the thing's name")
      ->required();
  const KeyVerb show =
      add_key_verb(noun, "public", "print the public half of a key (PEM)", Action::show, command);
  for (const KeyVerb& verb : {request, show}) {
    verb.app->add_option("--key", verb.command->key, kKeyHelp)->required();
    verb.app->add_option("--out", verb.command->out_file,
                         "into this file, which must not exist (standard output)");
  }
}

struct VaultVerb {
  const char* verb;
  const char* help;
  VaultCommand::Action action;
};

void add_vault_verb(CLI::App& noun, const VaultVerb& verb, Command& command) {
  using Action = VaultCommand::Action;
  auto vault = std::make_shared<VaultCommand>();
  vault->action = verb.action;
  CLI::App* app = noun.add_subcommand(verb.verb, verb.help);
  app->add_option("--data", vault->data_folder, "the data folder")->capture_default_str();
  if (verb.action != Action::status)
    app->add_option("--passphrase", vault->passphrase, kPassphraseHelp)->check(is_source());
  if (verb.action == Action::change)
    app->add_option("--new-passphrase", vault->new_passphrase, kPassphraseHelp)->check(is_source());
  if (verb.action == Action::change || verb.action == Action::protect)
    app->add_option(verb.action == Action::change ? "--new-key" : "--key", vault->key,
                    "instead of a passphrase: the pkcs11: URI of a key in a token that opens them");
  if (verb.action == Action::reveal)
    app->add_option("file", vault->file, "a file of the data folder, e.g. audit.key or pki/root.key")
        ->required();
  app->callback([vault, &command] { command = *vault; });
}

void add_vault(CLI::App& noun, Command& command) {
  using Action = VaultCommand::Action;
  constexpr VaultVerb kVerbs[] = {
      {"protect", "encrypt the keys and secrets in the data folder of a stopped server", Action::protect},
      {"change", "give protected keys another passphrase", Action::change},
      {"unprotect", "put protected keys back in the clear", Action::unprotect},
      {"status", "say of each file with a key how it is kept", Action::status},
      {"reveal", "print one protected file, e.g. to keep a copy elsewhere", Action::reveal}};
  for (const VaultVerb& verb : kVerbs) add_vault_verb(noun, verb, command);
}

void add_sealing(CLI::App& app, Command& command) {
  auto seal = std::make_shared<SealCommand>();
  CLI::App* seal_app = app.add_subcommand(
      "seal", "encrypt a file, e.g. a firmware image, so that one device alone can open it");
  CLI::Option* thing =
      seal_app->add_option("--for", seal->thing, "the thing: its certificate is asked of the server");
  CLI::Option* certificate = seal_app->add_option("--certificate", seal->certificate_file,
                                                  "or the certificate (PEM), without a server");
  CLI::Option* key = seal_app->add_option("--key", seal->key, "or a key of this machine: sealed storage");
  thing->excludes(certificate, key);
  certificate->excludes(key);
  seal_app->add_option("file", seal->file, "what is sealed; at most 64 MiB")->required();
  seal_app->add_option("--out", seal->out_file, "the sealed file, which must not exist (FILE.sealed)");
  seal_app->add_flag_callback(
      "--pem", [seal] { seal->form = SealCommand::Form::pem; }, "as text (PEM) instead of DER");
  add_target(*seal_app, seal->target);
  seal_app->callback([seal, &command] { command = *seal; });

  auto unseal = std::make_shared<UnsealCommand>();
  CLI::App* unseal_app =
      app.add_subcommand("unseal", "open a file that was sealed for a key of this machine");
  unseal_app->add_option("--key", unseal->key, kKeyHelp)->required();
  unseal_app->add_option("file", unseal->file, "the sealed file, DER or PEM")->required();
  unseal_app->add_option("--out", unseal->out_file, "the opened file, which must not exist")->required();
  unseal_app->callback([unseal, &command] { command = *unseal; });
}

}  // namespace

void add_keys(CLI::App& app, Command& command) {
  CLI::App* keys = app.add_subcommand("device-key", "a key of this machine, in a file or in a PKCS#11 token");
  keys->require_subcommand(1);
  add_own_keys(*keys, command);
  CLI::App* vault = app.add_subcommand("vault", "encryption at rest of a server's own keys");
  vault->require_subcommand(1);
  add_vault(*vault, command);
  add_sealing(app, command);
}

}  // namespace dunlin::apps
