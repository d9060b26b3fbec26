#include "service/settings/settings.h"

#include <boost/json.hpp>

#include "security/audit.h"

namespace dunlin::settings {
namespace {

store::Change change_of(const model::Caller& caller, const Setting& setting) {
  store::Change change;
  change.kind = store::DocumentKind::setting;
  change.tenant = caller.principal->tenant.value;
  change.document.id = std::string(setting.prefix) + std::string(setting.name);
  return change;
}

}  // namespace

std::vector<store::Change> changes_to_put(const model::Caller& caller, WallTime now, std::string_view action,
                                          const Setting& setting, std::string body) {
  store::Change record =
      security::audit_of(*caller.principal, caller.address, now, action, setting.name, body);
  store::Change change = change_of(caller, setting);
  change.document.body = std::move(body);
  std::vector<store::Change> changes;
  changes.push_back(std::move(change));
  changes.push_back(std::move(record));
  return changes;
}

std::vector<store::Change> changes_to_remove(const model::Caller& caller, WallTime now,
                                             std::string_view action, const Setting& setting) {
  store::Change change = change_of(caller, setting);
  change.action = store::Change::Action::remove;
  std::vector<store::Change> changes;
  changes.push_back(std::move(change));
  changes.push_back(security::audit_of(*caller.principal, caller.address, now, action, setting.name));
  return changes;
}

namespace {

struct Reading {
  Executor& executor;
  store::Repository& repository;
  store::Query query;
  Each each;
  std::move_only_function<void(Result<void>)> done;
};

void read_on(std::unique_ptr<Reading> reading) {
  Reading& now = *reading;
  now.repository.find(now.executor, now.query,
                      [reading = std::move(reading)](Result<std::vector<store::Document>> found) mutable {
                        if (!found) return reading->done(std::unexpected(found.error()));
                        for (const store::Document& document : *found) {
                          if (auto read = reading->each(document); !read)
                            return reading->done(std::move(read));
                        }
                        if (found->empty()) return reading->done({});
                        reading->query.after_id = found->back().id;
                        read_on(std::move(reading));
                      });
}

}  // namespace

void for_each(Executor& executor, store::Repository& repository, TenantId tenant, std::string prefix,
              Each each, std::move_only_function<void(Result<void>)> done) {
  store::Query query;
  query.kind = store::DocumentKind::setting;
  query.tenant = tenant.value;
  query.id_prefix = std::move(prefix);
  read_on(std::make_unique<Reading>(
      Reading{executor, repository, std::move(query), std::move(each), std::move(done)}));
}

Result<boost::json::object> object_of(const store::Document& document) {
  boost::system::error_code error;
  auto body = boost::json::parse(document.body, error);
  if (error || !body.is_object()) return fail(Errc::corrupt, "not JSON");
  return std::move(body.get_object());
}

}  // namespace dunlin::settings
