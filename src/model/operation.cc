#include "model/operation.h"

#include <boost/json.hpp>
#include <limits>

#include "base/core/assert.h"

namespace dunlin::model {
namespace {

constexpr std::uint64_t kMostInteger = std::numeric_limits<std::int64_t>::max();

bool has_type(const boost::json::value& value, FieldType type) {
  switch (type) {
    case FieldType::text:
      return value.is_string();
    case FieldType::integer:
      return value.is_int64() || (value.is_uint64() && value.get_uint64() <= kMostInteger);
    case FieldType::number:
      return value.is_number();
    case FieldType::boolean:
      return value.is_bool();
    case FieldType::object:
      return value.is_object();
    case FieldType::array:
      return value.is_array();
    case FieldType::any:
      return true;
  }
  return false;
}

const Field* find_field(std::span<const Field> fields, std::string_view name) {
  for (const Field& field : fields) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

Result<void> check_request(const OperationSpec& spec, const boost::json::object& request) {
  for (const auto& member : request) {
    const Field* field = find_field(spec.request, member.key());
    if (field == nullptr) {
      return fail(Errc::invalid_argument, "unknown field \"" + std::string(member.key()) + "\"");
    }
    const bool absent = field->need == Need::optional && member.value().is_null();
    if (!absent && !has_type(member.value(), field->type)) {
      return fail(Errc::invalid_argument, "field \"" + std::string(member.key()) + "\" must be of type " +
                                              std::string(field_type_name(field->type)));
    }
  }
  for (const Field& field : spec.request) {
    if (field.need == Need::required && !request.contains(field.name)) {
      return fail(Errc::invalid_argument, "field \"" + std::string(field.name) + "\" is missing");
    }
  }
  return {};
}

bool is_in_path(const OperationSpec& spec, std::string_view field) {
  return spec.path.contains("{" + std::string(field) + "}");
}

std::string text_of(const boost::json::object& request, std::string_view field) {
  const auto* value = request.if_contains(field);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

/// What a call changes: "things/press-01", in the words of the request.
std::string object_of(const OperationSpec& spec, const boost::json::object& request) {
  if (request.contains(spec.audited_field)) return text_of(request, spec.audited_field);
  std::string object;
  for (const Field& field : spec.request) {
    if (!is_in_path(spec, field.name)) continue;
    if (!object.empty()) object += '/';
    object += text_of(request, field.name);
  }
  return object.empty() ? std::string(spec.name.substr(0, spec.name.find('.'))) : object;
}

/// Whether a change may have been made, or a part of it, although the answer is an error.
bool may_be_done(Errc code) {
  return code == Errc::io || code == Errc::no_space || code == Errc::timed_out || code == Errc::internal ||
         code == Errc::unavailable;
}

/// The other fields' names. Their values may be secrets, but for those that are true or false.
std::string detail_of(const OperationSpec& spec, const boost::json::object& request) {
  std::string names;
  for (const Field& field : spec.request) {
    if (is_in_path(spec, field.name) || field.name == spec.audited_field || !request.contains(field.name))
      continue;
    names += (names.empty() ? "with " : ", ") + std::string(field.name);
    if (const auto& value = request.at(field.name); value.is_bool())
      names += value.get_bool() ? "=true" : "=false";
  }
  return names;
}

}  // namespace

std::string_view field_type_name(FieldType type) {
  switch (type) {
    case FieldType::text:
      return "string";
    case FieldType::integer:
      return "integer";
    case FieldType::number:
      return "number";
    case FieldType::boolean:
      return "boolean";
    case FieldType::object:
      return "object";
    case FieldType::array:
      return "array";
    case FieldType::any:
      return "any";
  }
  return "any";
}

std::string_view method_name(Method method) {
  switch (method) {
    case Method::get:
      return "GET";
    case Method::put:
      return "PUT";
    case Method::post:
      return "POST";
    case Method::patch:
      return "PATCH";
    case Method::del:
      return "DELETE";
  }
  return "GET";
}

void OperationTable::add(const OperationSpec& spec, OperationHandler handler) {
  DUNLIN_ASSERT(find(spec.name) == nullptr);
  for (const Operation& other : operations_) {
    DUNLIN_ASSERT(other.spec.method != spec.method || other.spec.path != spec.path);
  }
  operations_.push_back({spec, std::move(handler)});
}

const Operation* OperationTable::find(std::string_view name) const {
  for (const Operation& operation : operations_) {
    if (operation.spec.name == name) return &operation;
  }
  return nullptr;
}

Result<void> OperationTable::admit(const Operation& operation, const Caller& caller,
                                   const boost::json::object& request) const {
  const OperationSpec& spec = operation.spec;
  if (spec.permission != kPublic) {
    if (!caller.principal || caller.principal->kind == PrincipalKind::anonymous)
      return fail(Errc::unauthenticated, "sign in first, or send a token (Authorization: Bearer ...)");
    if (!spec.permission.empty() && !has_permission(*caller.principal, spec.permission)) {
      deny(caller, {.action = spec.name, .object = object_of(spec, request), .detail = {}});
      return fail(Errc::permission_denied,
                  "this needs the permission \"" + std::string(spec.permission) + "\"");
    }
  }
  return check_request(spec, request);
}

void OperationTable::invoke(const Operation& operation, const Caller& caller, boost::json::object request,
                            Reply reply) const {
  const OperationSpec& spec = operation.spec;
  if (auto admitted = admit(operation, caller, request); !admitted)
    return reply(std::unexpected(std::move(admitted).error()));
  reply = recording(spec, caller, request, settling(spec, std::move(reply)));
  operation.handler(caller, std::move(request), std::move(reply));
}

/// `reply`, once the change has arrived. One that failed may have changed something all the same.
Reply OperationTable::settling(const OperationSpec& spec, Reply reply) const {
  if (!settler_ || spec.method == Method::get || spec.audited == Audited::not_at_all) return reply;
  return [this, reply = std::move(reply)](Result<boost::json::value> answer) mutable {
    settler_([answer = std::move(answer), reply = std::move(reply)]() mutable { reply(std::move(answer)); });
  };
}

/// A permission that is lacking is told and not waited for.
void OperationTable::deny(const Caller& caller, CallRecord record) const {
  if (!recorder_) return;
  record.outcome = CallRecord::Outcome::denied;
  record.detail.clear();
  recorder_(caller, std::move(record), [](const Result<void>&) {});
}

/// `reply` behind the record of the call, where there is to be one.
Reply OperationTable::recording(const OperationSpec& spec, const Caller& caller,
                                const boost::json::object& request, Reply reply) const {
  if (!recorder_ || spec.method == Method::get) return reply;
  CallRecord record{CallRecord::Outcome::done, spec.name, object_of(spec, request), detail_of(spec, request)};
  return [this, caller, record = std::move(record), by_table = spec.audited == Audited::by_table,
          reply = std::move(reply)](Result<boost::json::value> answer) mutable {
    if (!answer && answer.error().code == Errc::permission_denied) deny(caller, record);
    if (!by_table || (!answer && !may_be_done(answer.error().code))) return reply(std::move(answer));
    if (!answer) {
      record.outcome = CallRecord::Outcome::failed;
      record.detail = answer.error().message;
    }
    recorder_(
        caller, std::move(record),
        [answer = std::move(answer), reply = std::move(reply)](Result<void> recorded) mutable {
          if (recorded || !answer) return reply(std::move(answer));
          reply(fail(recorded.error().code,
                     "it was done, but could not be recorded in the audit log: " + recorded.error().message));
        });
  };
}

bool has_permission(const Principal& principal, std::string_view permission) {
  const std::string_view group = permission.substr(0, permission.find(':'));
  for (const std::string& held : principal.permissions) {
    if (held == "*" || held == permission) return true;
    if (held.ends_with(":*") && std::string_view(held).substr(0, held.size() - 2) == group) return true;
  }
  return false;
}

}  // namespace dunlin::model
