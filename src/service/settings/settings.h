#pragma once
// Settings of a tenant: documents with a name, read at the start and written with the record of who set them.

#include <boost/json/value.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/executor.h"
#include "base/result.h"
#include "model/operation.h"
#include "store/repository.h"

namespace dunlin::settings {

/// Which one: the id of its document is both together.
struct Setting {
  std::string_view prefix;  // of the service, such as "monitor:"
  std::string_view name;
};

/// The setting with `body`, a JSON object, in the caller's tenant, and the audit record of `action` that
/// shows it.
std::vector<store::Change> changes_to_put(const model::Caller& caller, WallTime now, std::string_view action,
                                          const Setting& setting, std::string body);
/// The setting's removal and its record.
std::vector<store::Change> changes_to_remove(const model::Caller& caller, WallTime now,
                                             std::string_view action, const Setting& setting);

/// Ends at the first error, which `done` is given.
using Each = std::move_only_function<Result<void>(const store::Document&)>;
/// Calls `each` for all of a service's settings, in order, then `done`; both on the executor. Errors: those
/// of the repository and of `each`. The repository must outlive the calls.
void for_each(Executor& executor, store::Repository& repository, TenantId tenant, std::string prefix,
              Each each, std::move_only_function<void(Result<void>)> done);

/// Errors: corrupt.
Result<boost::json::object> object_of(const store::Document& document);

/// What `read` makes of the document. Errors: corrupt, and those of `read`.
template <class Read>
auto read_as(const store::Document& document, Read read)
    -> decltype(read(std::declval<const boost::json::object&>())) {
  DUNLIN_TRY(const boost::json::object body, object_of(document));
  return read(body);
}

}  // namespace dunlin::settings
