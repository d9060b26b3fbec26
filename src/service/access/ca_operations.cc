#include <boost/json.hpp>

#include "base/time_text.h"
#include "model/json_fields.h"
#include "service/access/render.h"

namespace dunlin::access {
namespace {

using model::Field;
using model::FieldType;
using model::Need;
using security::IssuerStatus;

constexpr Field kCaResponse[] = {
    {"ca", FieldType::text, Need::required, "what devices should trust, PEM: the root, or several"}};
constexpr Field kListResponse[] = {
    {"issuers", FieldType::array, Need::required, "intermediates, the one that issues first"},
    {"roots", FieldType::array, Need::required,
     "what is above them, the one above what issues first: root (id), name, fingerprint, not_before, "
     "not_after, "
     "key (here or offline), list: state (current, ends_soon, expired, outdated: a revoked intermediate is "
     "not "
     "on it, or missing), number, this_update, next_update, entries; revoked: its intermediates that are; "
     "index: the same as lines of openssl's index.txt"},
    {"root_key", FieldType::text, Need::required, "here or offline"}};
constexpr Field kIssuer[] = {{"issuer", FieldType::text, Need::required, "its key identifier"},
                             {"state", FieldType::text, Need::required, "issuing or trusted"},
                             {"name", FieldType::text, Need::required, "its common name"},
                             {"fingerprint", FieldType::text, Need::required, "SHA-256, hexadecimal"},
                             {"root", FieldType::text, Need::required, "fingerprint of the root above it"},
                             {"not_before", FieldType::text, Need::required, "RFC 3339"},
                             {"not_after", FieldType::text, Need::required, "RFC 3339"},
                             {"certificate", FieldType::text, Need::required, "PEM"}};
constexpr Field kRotateRequest[] = {
    {"to", FieldType::text, Need::optional, "an intermediate that is there; without it a new one is made"}};
constexpr Field kRequestResponse[] = {
    {"request", FieldType::text, Need::required, "PKCS#10, PEM: to be signed where the root's key is"}};
constexpr Field kImportRequest[] = {
    {"certificate", FieldType::text, Need::required, "of the request, PEM; a new root's may follow"},
    {"use", FieldType::text, Need::optional, "issuing, or trusted: it does not issue yet (issuing)"}};
constexpr Field kForgetRequest[] = {
    {"issuer", FieldType::text, Need::required, "its key identifier"},
    {"revoke", FieldType::boolean, Need::optional,
     "revoke it, and what of it can still be used, and end those sessions (false: then it is an error)"},
    {"reason", FieldType::text, Need::optional,
     "of its own revocation: keyCompromise, affiliationChanged, superseded (superseded), "
     "cessationOfOperation or unspecified"}};
constexpr Field kImportListRequest[] = {
    {"list", FieldType::text, Need::required, "the revocation list of an offline root, PEM"}};
constexpr Field kRoot[] = {{"root", FieldType::text, Need::required, "its id"},
                           {"name", FieldType::text, Need::required, "its common name"},
                           {"fingerprint", FieldType::text, Need::required, "SHA-256, hexadecimal"},
                           {"key", FieldType::text, Need::required, "here or offline"},
                           {"list", FieldType::object, Need::required, "as ca.list shows it"},
                           {"revoked", FieldType::array, Need::required, "its revoked intermediates"},
                           {"index", FieldType::text, Need::required, "lines of openssl's index.txt"}};
constexpr Field kExportRequest[] = {{"passphrase", FieldType::text, Need::required,
                                     "12 to 1024 bytes; whoever has it and the file has the root"}};
constexpr Field kExportResponse[] = {
    {"key", FieldType::text, Need::required, "encrypted PKCS#8, PEM"},
    {"root", FieldType::text, Need::required, "the root's certificate, PEM"}};
constexpr Field kRemoveRequest[] = {
    {"key", FieldType::text, Need::required, "what the export gave, as proof that it was kept"},
    {"passphrase", FieldType::text, Need::required, "with which it opens"}};
constexpr Errc kRotateErrors[] = {Errc::not_found, Errc::unavailable, Errc::limit_exceeded};
constexpr Errc kImportErrors[] = {Errc::malformed, Errc::invalid_argument, Errc::permission_denied,
                                  Errc::not_found, Errc::limit_exceeded};
constexpr Errc kForgetErrors[] = {Errc::not_found, Errc::conflict, Errc::invalid_argument,
                                  Errc::limit_exceeded};
constexpr Errc kImportListErrors[] = {Errc::malformed, Errc::invalid_argument, Errc::permission_denied,
                                      Errc::conflict, Errc::limit_exceeded};
constexpr Errc kExportErrors[] = {Errc::invalid_argument, Errc::unavailable};
constexpr Errc kRemoveErrors[] = {Errc::malformed, Errc::permission_denied, Errc::unavailable};

constexpr model::OperationSpec kCa{"ca.get",       model::Method::get,
                                   "/api/ca",      "The root certificate that devices and browsers trust.",
                                   model::kPublic, {},
                                   kCaResponse,    {}};
constexpr model::OperationSpec kList{
    "ca.list",         model::Method::get,
    "/api/ca/issuers", "List the intermediates of this server's own authority.",
    "ca:read",         {},
    kListResponse,     {}};
constexpr model::OperationSpec kRotate{"ca.rotate",
                                       model::Method::post,
                                       "/api/ca/rotate",
                                       "Let another intermediate issue; the one before stays trusted.",
                                       "ca:write",
                                       kRotateRequest,
                                       kIssuer,
                                       kRotateErrors,
                                       model::Audited::by_handler};
constexpr model::OperationSpec kRequest{"ca.request",
                                        model::Method::post,
                                        "/api/ca/request",
                                        "Make a request for an intermediate that is signed elsewhere.",
                                        "ca:write",
                                        {},
                                        kRequestResponse,
                                        {},
                                        model::Audited::by_handler};
constexpr model::OperationSpec kImport{"ca.import",
                                       model::Method::post,
                                       "/api/ca/import",
                                       "Take in the certificate of the intermediate that was requested.",
                                       "ca:write",
                                       kImportRequest,
                                       kIssuer,
                                       kImportErrors,
                                       model::Audited::by_handler};
constexpr model::OperationSpec kForget{"ca.forget",
                                       model::Method::del,
                                       "/api/ca/issuers/{issuer}",
                                       "Trust an intermediate no longer.",
                                       "ca:write",
                                       kForgetRequest,
                                       kIssuer,
                                       kForgetErrors,
                                       model::Audited::by_handler};
constexpr model::OperationSpec kImportList{"ca.import-list",
                                           model::Method::post,
                                           "/api/ca/root/list",
                                           "Take in the revocation list that an offline root has signed.",
                                           "ca:write",
                                           kImportListRequest,
                                           kRoot,
                                           kImportListErrors,
                                           model::Audited::by_handler};
constexpr model::OperationSpec kExportRoot{"ca.export-root",
                                           model::Method::post,
                                           "/api/ca/root/export",
                                           "Give out the root's key under a passphrase.",
                                           "ca:write",
                                           kExportRequest,
                                           kExportResponse,
                                           kExportErrors,
                                           model::Audited::by_handler};
constexpr model::OperationSpec kRemoveRoot{"ca.remove-root",
                                           model::Method::post,
                                           "/api/ca/root/remove",
                                           "Remove the root's key from this server after it was exported.",
                                           "ca:write",
                                           kRemoveRequest,
                                           {},
                                           kRemoveErrors,
                                           model::Audited::by_handler};

boost::json::object to_json(const IssuerStatus& issuer) {
  return {{"issuer", issuer.id},
          {"state", issuer.use == IssuerStatus::Use::issuing ? "issuing" : "trusted"},
          {"name", issuer.info.common_name},
          {"fingerprint", issuer.info.fingerprint},
          {"root", issuer.root.fingerprint},
          {"not_before", format_rfc3339(issuer.info.not_before)},
          {"not_after", format_rfc3339(issuer.info.not_after)},
          {"certificate", issuer.certificate_pem}};
}

boost::json::object list_json(const security::RootStatus& root) {
  boost::json::object list{{"state", security::root_list_state_name(root.state)}};
  if (!root.list) return list;
  list["number"] = root.list->info.number;
  list["this_update"] = format_rfc3339(root.list->info.this_update);
  list["next_update"] = format_rfc3339(root.list->info.next_update);
  list["entries"] = root.list->info.revoked;
  return list;
}

boost::json::object to_json(const security::RootStatus& root) {
  boost::json::array revoked;
  for (const security::RevokedIssuer& one : root.revoked) {
    revoked.push_back(boost::json::object{{"issuer", one.issuer},
                                          {"serial", one.serial},
                                          {"reason", security::reason_name(one.reason)},
                                          {"revoked_at", format_rfc3339(one.at)},
                                          {"not_after", format_rfc3339(one.not_after)}});
  }
  return {{"root", root.id},
          {"name", root.info.common_name},
          {"fingerprint", root.info.fingerprint},
          {"not_before", format_rfc3339(root.info.not_before)},
          {"not_after", format_rfc3339(root.info.not_after)},
          {"key", root.key == security::RootStatus::Key::here ? "here" : "offline"},
          {"list", list_json(root)},
          {"revoked", std::move(revoked)},
          {"index", security::openssl_index(root.revoked)}};
}

auto reply_issuer(model::Reply reply) {
  return model::reply_with(std::move(reply), [](const IssuerStatus& issuer) { return to_json(issuer); });
}

void list(const AccessParts& parts, model::Reply reply) {
  boost::json::object answer =
      model::list_of("issuers", parts.pki.issuers(), [](const auto& issuer) { return to_json(issuer); });
  boost::json::array roots;
  for (const security::RootStatus& root : parts.pki.roots()) roots.push_back(to_json(root));
  answer["roots"] = std::move(roots);
  answer["root_key"] = parts.pki.root_is_offline() ? "offline" : "here";
  reply(boost::json::value(std::move(answer)));
}

void import(const AccessParts& parts, const model::Caller& caller, const boost::json::object& request,
            model::Reply reply) {
  const std::string use = model::optional_text(request, "use").value_or("issuing");
  if (use != "issuing" && use != "trusted")
    return reply(fail(Errc::invalid_argument, "\"use\" must be issuing or trusted"));
  parts.authorities.import(
      actor_of(caller), *model::optional_text(request, "certificate"),
      use == "issuing" ? security::Pki::Import::issues : security::Pki::Import::is_trusted,
      reply_issuer(std::move(reply)));
}

void forget(const AccessParts& parts, const model::Caller& caller, const boost::json::object& request,
            model::Reply reply) {
  using Remaining = security::AuthorityChanges::Remaining;
  const bool revoke = model::optional_boolean(request, "revoke").value_or(false);
  const auto stated = model::optional_text(request, "reason");
  const auto reason = security::reason_of_name(stated.value_or("superseded"));
  if (!reason) return reply(fail(Errc::invalid_argument, security::kReasonsTaken));
  if (stated && !revoke) return reply(fail(Errc::invalid_argument, "a \"reason\" goes with \"revoke\" only"));
  parts.authorities.forget(
      actor_of(caller),
      {*model::optional_text(request, "issuer"), revoke ? Remaining::are_revoked : Remaining::must_be_none,
       *reason},
      model::reply_with(std::move(reply), [&bus = parts.bus, tenant = caller.principal->tenant](
                                              const security::AuthorityChanges::Forgotten& forgotten) {
        for (const auto& record : forgotten.revoked) bus.end_sessions(tenant, record.thing, "revoked");
        return to_json(forgotten.issuer);
      }));
}

void export_root(const AccessParts& parts, const model::Caller& caller, const boost::json::object& request,
                 model::Reply reply) {
  parts.authorities.export_root(
      actor_of(caller), security::Secret(*model::optional_text(request, "passphrase")),
      model::reply_with(std::move(reply), [root = parts.pki.root_pem()](const security::Secret& key) {
        return boost::json::object{{"key", key.view()}, {"root", root}};
      }));
}

}  // namespace

void declare_authorities(const AccessParts& parts, model::OperationTable& table) {
  using model::Caller;
  using model::Reply;
  using Request = boost::json::object;
  table.add(kCa, [parts](const Caller&, const Request&, Reply reply) {
    reply(boost::json::value{{"ca", parts.pki.root_pem()}});
  });
  table.add(kList, [parts](const Caller&, const Request&, Reply reply) { list(parts, std::move(reply)); });
  table.add(kRotate, [parts](const Caller& caller, const Request& request, Reply reply) {
    parts.authorities.rotate(actor_of(caller), model::optional_text(request, "to").value_or(""),
                             reply_issuer(std::move(reply)));
  });
  table.add(kRequest, [parts](const Caller& caller, const Request&, Reply reply) {
    parts.authorities.request(actor_of(caller),
                              model::reply_with(std::move(reply), [](const std::string& pem) {
                                return boost::json::object{{"request", pem}};
                              }));
  });
  table.add(kImport, [parts](const Caller& caller, const Request& request, Reply reply) {
    import(parts, caller, request, std::move(reply));
  });
  table.add(kForget, [parts](const Caller& caller, const Request& request, Reply reply) {
    forget(parts, caller, request, std::move(reply));
  });
  table.add(kImportList, [parts](const Caller& caller, const Request& request, Reply reply) {
    parts.authorities.import_list(
        actor_of(caller), *model::optional_text(request, "list"),
        model::reply_with(std::move(reply), [](const security::RootStatus& root) { return to_json(root); }));
  });
  table.add(kExportRoot, [parts](const Caller& caller, const Request& request, Reply reply) {
    export_root(parts, caller, request, std::move(reply));
  });
  table.add(kRemoveRoot, [parts](const Caller& caller, const Request& request, Reply reply) {
    parts.authorities.remove_root(actor_of(caller), *model::optional_text(request, "key"),
                                  security::Secret(*model::optional_text(request, "passphrase")),
                                  model::reply_nothing(std::move(reply)));
  });
}

std::vector<model::OperationSpec> authority_operations() {
  return {kCa, kList, kRotate, kRequest, kImport, kForget, kImportList, kExportRoot, kRemoveRoot};
}

}  // namespace dunlin::access
