// blob.list, show, delete, usage.

#include <algorithm>
#include <boost/json.hpp>

#include "base/time_text.h"
#include "model/json_fields.h"
#include "model/reply.h"
#include "service/blob/blob_service.h"

namespace dunlin::blob {
namespace {

using model::Field;
using model::FieldType;
using model::Need;

constexpr Field kListRequest[] = {
    {"device", FieldType::text, Need::optional, "of this device"},
    {"media_type", FieldType::text, Need::optional,
     "of this type; with a * at its end of those that begin so"},
    {"from", FieldType::text, Need::optional, "put at this time or later, RFC 3339"},
    {"to", FieldType::text, Need::optional, "put before this time, RFC 3339"},
    {"limit", FieldType::integer, Need::optional, "rows, the newest first (100)"},
    {"after", FieldType::text, Need::optional, "\"next\" of the page before"}};
constexpr Field kListResponse[] = {
    {"blobs", FieldType::array, Need::required, "what is held: blob, size, device and so on"},
    {"next", FieldType::text, Need::optional, "there is more; the page may be short all the same"}};
constexpr Errc kListErrors[] = {Errc::invalid_argument};
constexpr Field kOneBlob[] = {{"blob", FieldType::text, Need::required, "its id: sha256- and 64 digits"}};
constexpr Field kShowResponse[] = {{"blob", FieldType::text, Need::required, "its id"},
                                   {"size", FieldType::integer, Need::required, "bytes"},
                                   {"holders", FieldType::array, Need::required,
                                    "who holds it: device, name, media_type, expires and so on"}};
constexpr Errc kShowErrors[] = {Errc::not_found, Errc::invalid_argument};
constexpr Field kDeleteRequest[] = {
    {"blob", FieldType::text, Need::required, "its id: sha256- and 64 digits"},
    {"device", FieldType::text, Need::optional,
     "only what this device holds; empty: what no device does (all)"}};
constexpr Field kDeleteResponse[] = {
    {"removed", FieldType::integer, Need::required, "how many held it, and do no more"}};
constexpr Field kUsageResponse[] = {
    {"blobs", FieldType::integer, Need::required, "what is held, each holder counted"},
    {"bytes", FieldType::integer, Need::required, "of these"},
    {"max_blobs", FieldType::integer, Need::required, "as many may be held"},
    {"max_bytes", FieldType::integer, Need::required, "so many bytes may be held"},
    {"disk_blobs", FieldType::integer, Need::required, "contents on the disk, of all tenants, each once"},
    {"disk_bytes", FieldType::integer, Need::required, "bytes of these"}};
constexpr Field kPutRequest[] = {
    {"device", FieldType::text, Need::optional, "whose it is"},
    {"name", FieldType::text, Need::optional, "of a file"},
    {"keep", FieldType::text, Need::optional, "how long, such as 90d; 0: for ever (as the rules say)"}};
constexpr Field kPutKnownRequest[] = {kOneBlob[0], kPutRequest[0], kPutRequest[1], kPutRequest[2]};
constexpr Field kRecordResponse[] = {
    {"blob", FieldType::text, Need::required, "its id: what a sample refers to as blob:ID"},
    {"size", FieldType::integer, Need::required, "bytes"},
    {"device", FieldType::text, Need::required, "whose it is; empty: no device's"},
    {"media_type", FieldType::text, Need::required, "what it is"},
    {"name", FieldType::text, Need::required, "of the file; may be empty"},
    {"put_by", FieldType::text, Need::required, "who sent it"},
    {"created", FieldType::text, Need::required, "when, RFC 3339"},
    {"expires", FieldType::text, Need::optional, "until when it is kept"}};
constexpr Errc kPutErrors[] = {Errc::invalid_argument, Errc::malformed, Errc::limit_exceeded,
                               Errc::quota_exceeded, Errc::no_space};

constexpr model::OperationSpec kList{
    "blob.list",  model::Method::get, "/api/blobs",  "List large binaries, the newest first.",
    "blobs:read", kListRequest,       kListResponse, kListErrors};
constexpr model::OperationSpec kShow{"blob.show",
                                     model::Method::get,
                                     "/api/blobs/{blob}/holders",
                                     "Say what is known of a large binary.",
                                     "blobs:read",
                                     kOneBlob,
                                     kShowResponse,
                                     kShowErrors};
constexpr model::OperationSpec kDelete{
    "blob.delete",       model::Method::del,
    "/api/blobs/{blob}", "Delete a large binary, or what one device holds of it.",
    "blobs:delete",      kDeleteRequest,
    kDeleteResponse,     kShowErrors};
constexpr model::OperationSpec kUsage{"blob.usage",       model::Method::get,
                                      "/api/blobs/usage", "Say what large binaries take, and may take.",
                                      "blobs:read",       {},
                                      kUsageResponse,     {}};
constexpr model::OperationSpec kPut{
    "blob.put",
    model::Method::post,
    "/api/blobs",
    "Store the body as a large binary; the fields are in the query, what it is in Content-Type.",
    "blobs:write",
    kPutRequest,
    kRecordResponse,
    kPutErrors,
    model::Audited::by_handler};
constexpr model::OperationSpec kGet{"blob.get",
                                    model::Method::get,
                                    "/api/blobs/{blob}",
                                    "Get the bytes of a large binary, or a range of them.",
                                    "blobs:read",
                                    kOneBlob,
                                    {},
                                    kShowErrors};

Result<std::optional<std::int64_t>> time_of(const boost::json::object& request, std::string_view name) {
  const auto text = model::optional_text(request, name);
  if (!text) return std::nullopt;
  const auto time = parse_rfc3339(*text);
  if (!time) return fail(Errc::invalid_argument, "\"" + std::string(name) + "\": " + time.error().message);
  return unix_milliseconds(*time);
}

}  // namespace

boost::json::object to_json(const store::BlobRecord& record) {
  boost::json::object object{{"blob", store::blob_id(record.key.hash)},
                             {"size", record.size},
                             {"device", record.key.device},
                             {"media_type", record.media_type},
                             {"name", record.name},
                             {"put_by", record.put_by},
                             {"created", format_rfc3339(from_unix_milliseconds(record.created))}};
  if (record.expires != 0) object["expires"] = format_rfc3339(from_unix_milliseconds(record.expires));
  return object;
}

void BlobService::list(const model::Caller& caller, const boost::json::object& request, model::Reply reply) {
  store::BlobQuery query;
  query.tenant = caller.principal->tenant.value;
  query.device = model::optional_text(request, "device").value_or("");
  query.media_type = model::optional_text(request, "media_type").value_or("");
  query.after = model::optional_text(request, "after").value_or("");
  const auto limit = model::limit_field(request);
  const auto from = time_of(request, "from");
  const auto to = time_of(request, "to");
  if (!limit) return reply(std::unexpected(limit.error()));
  if (!from || !to) return reply(std::unexpected(from ? to.error() : from.error()));
  query.limit = *limit;
  query.from = *from;
  query.to = *to;
  environment_.store.list(std::move(query), [reply = std::move(reply)](Result<store::BlobPage> page) mutable {
    if (!page) return reply(std::unexpected(page.error()));
    boost::json::object answer =
        model::list_of("blobs", page->blobs, [](const auto& one) { return to_json(one); });
    if (!page->next.empty()) answer["next"] = page->next;
    reply(std::move(answer));
  });
}

void BlobService::show(const model::Caller& caller, const boost::json::object& request, model::Reply reply) {
  const auto hash = store::parse_blob_id(model::optional_text(request, "blob").value_or(""));
  if (!hash) return reply(std::unexpected(hash.error()));
  environment_.store.find(
      caller.principal->tenant.value, *hash,
      [id = store::blob_id(*hash),
       reply = std::move(reply)](Result<std::vector<store::BlobRecord>> found) mutable {
        if (!found) return reply(std::unexpected(found.error()));
        if (found->empty()) return reply(fail(Errc::not_found, "nobody holds such a blob (any more)"));
        boost::json::array holders;
        for (const store::BlobRecord& record : *found) {
          boost::json::object holder = to_json(record);
          holder.erase("blob");
          holder.erase("size");
          holders.push_back(std::move(holder));
        }
        reply(
            boost::json::value{{"blob", id}, {"size", found->front().size}, {"holders", std::move(holders)}});
      });
}

void BlobService::remove(const model::Caller& caller, const boost::json::object& request,
                         model::Reply reply) {
  const auto hash = store::parse_blob_id(model::optional_text(request, "blob").value_or(""));
  if (!hash) return reply(std::unexpected(hash.error()));
  environment_.store.find(caller.principal->tenant.value, *hash,
                          [this, device = model::optional_text(request, "device"),
                           reply = std::move(reply)](Result<std::vector<store::BlobRecord>> found) mutable {
                            if (!found) return reply(std::unexpected(found.error()));
                            std::vector<store::BlobKey> keys;
                            for (const store::BlobRecord& record : *found)
                              if (!device || record.key.device == *device) keys.push_back(record.key);
                            if (keys.empty())
                              return reply(fail(Errc::not_found, "nobody holds such a blob (any more)"));
                            environment_.store.remove(
                                std::move(keys),
                                [reply = std::move(reply)](Result<std::size_t> removed) mutable {
                                  if (!removed) return reply(std::unexpected(removed.error()));
                                  reply(boost::json::value{{"removed", *removed}});
                                });
                          });
}

void BlobService::declare(model::OperationTable& table) {
  table.add(kList, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    list(caller, request, std::move(reply));
  });
  table.add(kShow, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    show(caller, request, std::move(reply));
  });
  table.add(kDelete, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    remove(caller, request, std::move(reply));
  });
  table.add(kUsage, [this](const model::Caller& caller, boost::json::object, model::Reply reply) {
    const store::BlobUsage held = environment_.store.usage(caller.principal->tenant.value);
    const store::BlobUsage disk = environment_.store.contents();
    const store::BlobOptions& options = environment_.store.options();
    reply(boost::json::value{{"blobs", held.blobs},
                             {"bytes", held.bytes},
                             {"max_blobs", options.max_tenant_blobs},
                             {"max_bytes", options.max_tenant_bytes},
                             {"disk_blobs", disk.blobs},
                             {"disk_bytes", disk.bytes}});
  });
}

std::vector<model::OperationSpec> operations() {
  return {kList, kShow, kDelete, kUsage};
}

std::vector<model::OperationSpec> transfer_operations() {
  model::OperationSpec file = kPut;
  file.name = "blob.put-file";
  file.method = model::Method::put;
  model::OperationSpec known = file;
  known.name = "blob.put-known";
  known.path = "/api/blobs/{blob}";
  known.summary = "Store the body as the large binary of that id; another content is refused.";
  known.request = kPutKnownRequest;
  return {kPut, file, known, kGet};
}

}  // namespace dunlin::blob
