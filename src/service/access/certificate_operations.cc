#include <boost/json.hpp>

#include "model/json_fields.h"
#include "service/access/render.h"

namespace dunlin::access {
namespace {

using model::Field;
using model::FieldType;
using model::Need;

constexpr Field kListRequest[] = {
    {"thing", FieldType::text, Need::optional, "only certificates of this thing"},
    {"after", FieldType::text, Need::optional, "page: begin behind this fingerprint"},
    {"limit", FieldType::integer, Need::optional, "at most this many, 1 to 1000 (100)"}};
constexpr Field kListResponse[] = {
    {"certificates", FieldType::array, Need::required, "sorted by fingerprint"}};
constexpr Field kIssueRequest[] = {
    {"thing", FieldType::text, Need::required, "the thing it is for"},
    {"csr", FieldType::text, Need::optional, "PKCS#10 request, PEM; without one a key is made"},
    {"days", FieldType::integer, Need::optional, "lifetime (365), at most 1095"}};
constexpr Field kIssueResponse[] = {
    {"fingerprint", FieldType::text, Need::required, "SHA-256, hexadecimal"},
    {"certificate", FieldType::text, Need::required, "PEM, with the intermediate"},
    {"private_key", FieldType::text, Need::optional, "PEM, shown this once, if no CSR was given"},
    {"ca", FieldType::text, Need::required, "what the device should trust, PEM"}};
constexpr Field kOnlyFingerprint[] = {
    {"fingerprint", FieldType::text, Need::required, "SHA-256, hexadecimal"}};
constexpr Field kRevokeRequest[] = {
    {"fingerprint", FieldType::text, Need::required, "SHA-256, hexadecimal"},
    {"reason", FieldType::text, Need::optional,
     "keyCompromise, affiliationChanged, superseded, cessationOfOperation or unspecified"}};
constexpr Field kCertificate[] = {
    {"fingerprint", FieldType::text, Need::required, "SHA-256, hexadecimal"},
    {"use", FieldType::text, Need::required, "device, claim (it only enrols devices) or server"},
    {"thing", FieldType::text, Need::required, "whose it is; empty: no device's"},
    {"state", FieldType::text, Need::required, "active or revoked"},
    {"reason", FieldType::text, Need::optional, "why revoked: requested, thing_removed or a stated reason"},
    {"issuer", FieldType::text, Need::optional, "the intermediate that issued it; see ca.list"},
    {"not_after", FieldType::text, Need::required, "RFC 3339"}};
constexpr Errc kIssueErrors[] = {Errc::not_found,      Errc::conflict,         Errc::quota_exceeded,
                                 Errc::limit_exceeded, Errc::invalid_argument, Errc::malformed};
constexpr Errc kGetErrors[] = {Errc::not_found};
constexpr Errc kRevokeErrors[] = {Errc::not_found, Errc::invalid_argument, Errc::conflict};

constexpr model::OperationSpec kList{
    "cert.list",         model::Method::get, "/api/certificates", "List certificates.",
    "certificates:read", kListRequest,       kListResponse,       {}};
constexpr model::OperationSpec kIssue{"cert.issue",
                                      model::Method::post,
                                      "/api/certificates",
                                      "Issue a certificate to a thing.",
                                      "certificates:write",
                                      kIssueRequest,
                                      kIssueResponse,
                                      kIssueErrors,
                                      model::Audited::by_handler};
constexpr model::OperationSpec kGet{"cert.get",
                                    model::Method::get,
                                    "/api/certificates/{fingerprint}",
                                    "Show a certificate.",
                                    "certificates:read",
                                    kOnlyFingerprint,
                                    kCertificate,
                                    kGetErrors};
constexpr model::OperationSpec kRevoke{"cert.revoke",
                                       model::Method::del,
                                       "/api/certificates/{fingerprint}",
                                       "Revoke a certificate and end its thing's sessions.",
                                       "certificates:write",
                                       kRevokeRequest,
                                       kCertificate,
                                       kRevokeErrors,
                                       model::Audited::by_handler};

constexpr Field kPinRequest[] = {
    {"thing", FieldType::text, Need::required, "the thing it is for"},
    {"certificate", FieldType::text, Need::optional, "the certificate, PEM, self-signed or of anybody"},
    {"fingerprint", FieldType::text, Need::optional, "or only its SHA-256, hexadecimal"}};
constexpr Errc kPinErrors[] = {Errc::not_found,      Errc::invalid_argument, Errc::malformed,
                               Errc::already_exists, Errc::quota_exceeded,   Errc::limit_exceeded};
constexpr model::OperationSpec kPin{"cert.pin",
                                    model::Method::post,
                                    "/api/certificates/pinned",
                                    "Register a certificate by itself: it is taken without a chain.",
                                    "certificates:write",
                                    kPinRequest,
                                    kCertificate,
                                    kPinErrors,
                                    model::Audited::by_handler};

void pin(const AccessParts& parts, const model::Caller& caller, const boost::json::object& request,
         model::Reply reply) {
  security::CertificateRegister::NewPin wanted;
  wanted.thing = *model::optional_text(request, "thing");
  wanted.certificate_pem = model::optional_text(request, "certificate").value_or("");
  wanted.fingerprint = model::optional_text(request, "fingerprint").value_or("");
  parts.certificates.pin(parts.executor, actor_of(caller), std::move(wanted),
                         model::reply_with(std::move(reply), Form()));
}

void issue(const AccessParts& parts, const model::Caller& caller, const boost::json::object& request,
           model::Reply reply) {
  security::DeviceCertificateRequest wanted;
  wanted.thing_name = *model::optional_text(request, "thing");
  wanted.csr_pem = model::optional_text(request, "csr").value_or("");
  const auto lifetime = days_field(request, "days", wanted.lifetime);
  if (!lifetime) return reply(std::unexpected(lifetime.error()));
  wanted.lifetime = *lifetime;
  reply = credential_reply(parts, caller, wanted.thing_name, std::move(reply));
  parts.certificates.issue(
      parts.executor, actor_of(caller), std::move(wanted),
      model::reply_with(std::move(reply), [ca = parts.pki.root_pem()](const auto& issued) {
        boost::json::object answer{
            {"fingerprint", issued.info.fingerprint}, {"certificate", issued.chain_pem}, {"ca", ca}};
        if (!issued.private_key_pem.empty()) answer["private_key"] = issued.private_key_pem;
        return answer;
      }));
}

void list(const AccessParts& parts, const boost::json::object& request, model::Reply reply) {
  const auto limit = model::limit_field(request);
  if (!limit) return reply(std::unexpected(limit.error()));
  parts.certificates.list(parts.executor, model::optional_text(request, "thing").value_or(""),
                          model::optional_text(request, "after").value_or(""), *limit,
                          model::reply_list(std::move(reply), "certificates", Form()));
}

void revoke(const AccessParts& parts, const model::Caller& caller, const boost::json::object& request,
            model::Reply reply) {
  const std::string stated = model::optional_text(request, "reason").value_or("unspecified");
  const auto reason = security::reason_of_name(stated);
  if (!reason) {
    return reply(fail(Errc::invalid_argument, security::kReasonsTaken));
  }
  parts.certificates.revoke(
      parts.executor, actor_of(caller), *model::optional_text(request, "fingerprint"), *reason,
      model::reply_with(std::move(reply),
                        [&bus = parts.bus, tenant = caller.principal->tenant](const auto& record) {
                          bus.end_sessions(tenant, record.thing, "revoked");
                          return to_json(record);
                        }));
}

}  // namespace

void declare_certificates(const AccessParts& parts, model::OperationTable& table) {
  table.add(kList, [parts](const model::Caller&, boost::json::object request, model::Reply reply) {
    list(parts, request, std::move(reply));
  });
  table.add(kIssue, [parts](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    issue(parts, caller, request, std::move(reply));
  });
  table.add(kPin, [parts](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    pin(parts, caller, request, std::move(reply));
  });
  table.add(kGet, [parts](const model::Caller&, boost::json::object request, model::Reply reply) {
    parts.certificates.get(parts.executor, *model::optional_text(request, "fingerprint"),
                           model::reply_with(std::move(reply), Form()));
  });
  table.add(kRevoke, [parts](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    revoke(parts, caller, request, std::move(reply));
  });
}

std::vector<model::OperationSpec> certificate_operations() {
  return {kList, kIssue, kPin, kGet, kRevoke};
}

}  // namespace dunlin::access
