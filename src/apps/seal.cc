// dunlin seal, dunlin unseal: blobs that one device alone can open.

#include <boost/json.hpp>
#include <cstdio>

#include "apps/api_client.h"
#include "apps/configuration.h"
#include "apps/new_file.h"
#include "base/time_text.h"
#include "keys/device_key.h"
#include "model/json_fields.h"
#include "model/text.h"
#include "platform/status.h"
#include "security/crypto.h"
#include "security/limits.h"
#include "security/sealed.h"
#include "security/x509.h"

namespace dunlin::apps {
namespace {

constexpr std::int64_t kPage = 1000;

Result<model::OperationSpec> list_operation() {
  for (const model::OperationSpec& spec : platform::all_operations()) {
    if (spec.name == "cert.list") return spec;
  }
  return fail(Errc::internal, "there is no operation cert.list");
}

struct Candidate {
  std::string pem;
  WallTime since{};
};

/// The certificate of the record, if it counts now.
std::optional<Candidate> usable(const boost::json::value& value, WallTime now) {
  const auto* record = value.if_object();
  if (record == nullptr) return std::nullopt;
  const std::string pem = model::optional_text(*record, "certificate").value_or("");
  if (model::optional_text(*record, "state") != "active" || pem.empty()) return std::nullopt;
  const auto ders = security::certificates_from_pem(pem);
  if (!ders) return std::nullopt;
  const auto info = security::parse_certificate(as_bytes(ders->front()));
  if (!info || now < info->not_before || now >= info->not_after) return std::nullopt;
  return Candidate{pem, info->not_before};
}

/// The newest certificate that the thing may use: the one whose key it is most likely to have.
Result<std::string> certificate_of(const SealCommand& command, Fs& fs) {
  DUNLIN_TRY(const auto client, ApiClient::open(command.target, fs));
  DUNLIN_TRY(const model::OperationSpec list, list_operation());
  const WallTime now = SystemClock().wall_now();
  Candidate best;
  boost::json::object fields{{"thing", command.thing}, {"limit", kPage}};
  while (true) {
    DUNLIN_TRY(const boost::json::value answer, client->call(list, fields));
    const auto* object = answer.if_object();
    const auto* records = object == nullptr ? nullptr : object->if_contains("certificates");
    if (records == nullptr || !records->is_array())
      return fail(Errc::malformed, "the server's answer is no list of certificates");
    for (const auto& record : records->get_array()) {
      const auto found = usable(record, now);
      if (found && (best.pem.empty() || found->since >= best.since)) best = *found;
    }
    if (records->get_array().size() < static_cast<std::size_t>(kPage)) break;
    fields["after"] = records->get_array().back().at("fingerprint");
  }
  if (!best.pem.empty()) return best.pem;
  return fail(Errc::not_found, command.thing + " has no certificate that counts now: issue one first");
}

Result<std::string> sealed(const SealCommand& command, Fs& fs, std::string_view content) {
  if (!command.key.empty()) {
    DUNLIN_TRY(std::string text, keys::read_key_text(fs, command.key));
    auto made = security::seal_for_key(content, text);
    security::wipe(text);
    return made;
  }
  if (!command.certificate_file.empty()) {
    DUNLIN_TRY(const std::string pem, read_file(fs, command.certificate_file, security::kMaxPemFileBytes));
    return security::seal_for_certificate(content, pem);
  }
  if (command.thing.empty())
    return fail(Errc::invalid_argument, "say for whom: --for THING, --certificate FILE or --key KEY");
  DUNLIN_TRY(const std::string pem, certificate_of(command, fs));
  return security::seal_for_certificate(content, pem);
}

Result<void> seal(const SealCommand& command, Fs& fs) {
  DUNLIN_TRY(std::string content, read_file(fs, command.file, security::kMaxSealableBytes));
  const auto der = sealed(command, fs, content);
  security::wipe(content);
  if (!der) return std::unexpected(der.error());
  const std::string out = command.out_file.empty() ? command.file + ".sealed" : command.out_file;
  return write_new_file(fs, out,
                        command.form == SealCommand::Form::pem ? security::sealed_to_pem(*der) : *der);
}

Result<void> unseal(const UnsealCommand& command, Fs& fs) {
  DUNLIN_TRY(std::string der, read_file(fs, command.file, 2 * security::kMaxSealedBytes));
  if (der.starts_with(security::kSealedBegin)) {
    DUNLIN_TRY(security::SealedText block, security::sealed_from_pem(der));
    der = std::move(block.der);
  }
  DUNLIN_TRY(std::string text, keys::read_key_text(fs, command.key));
  auto key = keys::open_device_key(text);
  security::wipe(text);
  if (!key) return std::unexpected(key.error());
  DUNLIN_TRY(std::string content, security::open_sealed(der, *std::move(key)));
  auto written = write_new_file(fs, command.out_file, content);
  security::wipe(content);
  return written;
}

}  // namespace

int run_seal(const SealCommand& command) {
  const auto fs = make_system_fs();
  const auto done = seal(command, *fs);
  return done ? 0 : report(done.error());
}

int run_unseal(const UnsealCommand& command) {
  const auto fs = make_system_fs();
  const auto done = unseal(command, *fs);
  return done ? 0 : report(done.error());
}

}  // namespace dunlin::apps
