#pragma once
// An operation is declared once, by its service: HTTP routes, the OpenAPI document, CLI subcommands, CoAP
// resources and MQTT request topics are rendered from these tables.

#include <boost/json/fwd.hpp>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/errc.h"
#include "base/executor.h"
#include "base/result.h"
#include "hub/principal.h"

namespace dunlin::model {

enum class FieldType : std::uint8_t { text, integer, number, boolean, object, array, any };
enum class Need : std::uint8_t { required, optional };

struct Field {
  std::string_view name;
  FieldType type = FieldType::text;
  Need need = Need::optional;
  std::string_view help;
};

enum class Method : std::uint8_t { get, put, post, patch, del };

/// JSON Schema's name of the type ("string" ...; "any" for any).
std::string_view field_type_name(FieldType type);
/// The HTTP method ("GET" ...).
std::string_view method_name(Method method);

/// The permission of an operation that needs no sign-in.
inline constexpr std::string_view kPublic = "public";

/// Who writes the audit record of a call that succeeds. What only reads (get) has none.
enum class Audited : std::uint8_t {
  by_table,    // the table, before the answer is given
  by_handler,  // the handler, in the same write as the change
  not_at_all   // it changes nothing
};

/// Static: tables of these are constants of the service's room. A field named in the path is taken from
/// there, the others from the query (get, del) or from the JSON body. The CLI shows "thing.create" as `dunlin
/// thing create`, path fields as positional arguments and the others as --options.
struct OperationSpec {
  std::string_view name;  // "thing.create"
  Method method = Method::get;
  std::string_view path;        // "/api/things/{thing}"
  std::string_view summary;     // one sentence
  std::string_view permission;  // "things:read"; empty: any signed-in caller; kPublic: no sign-in
  std::span<const Field> request;
  std::span<const Field> response;
  std::span<const Errc> errors;
  Audited audited = Audited::by_table;
  /// by_table: the field that says what is changed; not given: those of the path, or else the noun.
  std::string_view audited_field = {};
  /// Further forms of the answer, by media type: what the request says by Accept.
  std::span<const std::string_view> more_types = {};
};

/// Who asks, and from where.
struct Caller {
  PrincipalRef principal;
  std::string address;
};

using Reply = std::move_only_function<void(Result<boost::json::value>)>;
/// Called with a request whose required fields are there and whose fields have the declared types. `reply` is
/// called once, on the executor that called.
using OperationHandler = std::function<void(const Caller& caller, boost::json::object request, Reply reply)>;

/// What is told of a call for the audit log: never the value of a field but those that name the object.
struct CallRecord {
  enum class Outcome : std::uint8_t {
    done,
    denied,
    failed  // and it is not known how much was done
  } outcome = Outcome::done;
  std::string_view action;  // the operation's name
  std::string object;
  std::string detail;
};
/// Runs `done` once what was changed before has arrived on every thread that acts on it.
using Settler = std::function<void(Task done)>;
/// `recorded` runs once, on the executor that called. Errors: the store's.
using CallRecorder = std::function<void(const Caller& caller, CallRecord record,
                                        std::move_only_function<void(Result<void>)> recorded)>;

struct Operation {
  OperationSpec spec;
  OperationHandler handler;
};

/// The operations of one program. Filled at start-up, read-only afterwards.
class OperationTable {
 public:
  /// The name and the (method, path) must be new.
  void add(const OperationSpec& spec, OperationHandler handler);
  const std::vector<Operation>& all() const { return operations_; }
  const Operation* find(std::string_view name) const;
  /// Where calls are recorded that changed something (Audited::by_table), or may have, and those whose caller
  /// lacks the permission. At most one, at start-up; without one nothing is.
  void record_calls(CallRecorder recorder) { recorder_ = std::move(recorder); }
  /// What the answers of operations wait for that may have changed something: whoever reads one can rely on
  /// the change. At most one, at start-up; without one they wait for nothing.
  void answer_behind(Settler settler) { settler_ = std::move(settler); }

  /// Checks the permission and the request's fields, then calls the handler. Errors to `reply`:
  /// unauthenticated, permission_denied, invalid_argument (unknown field, missing field, wrong type: names
  /// the field), the handler's own, and where the change was made and could not be recorded the recorder's.
  void invoke(const Operation& operation, const Caller& caller, boost::json::object request,
              Reply reply) const;
  /// What invoke() checks before it calls the handler, for who answers in the handler's place.
  Result<void> admit(const Operation& operation, const Caller& caller,
                     const boost::json::object& request) const;

 private:
  void deny(const Caller& caller, CallRecord record) const;
  Reply recording(const OperationSpec& spec, const Caller& caller, const boost::json::object& request,
                  Reply reply) const;
  Reply settling(const OperationSpec& spec, Reply reply) const;

  std::vector<Operation> operations_;
  CallRecorder recorder_;
  Settler settler_;
};

/// Whether the principal holds the permission ("things:write"; "*" holds all, "things:*" all of things).
bool has_permission(const Principal& principal, std::string_view permission);

}  // namespace dunlin::model
