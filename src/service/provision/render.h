#pragma once
// What the operations of this room share; internal to it.

#include <array>
#include <boost/json/fwd.hpp>
#include <string>

#include "model/operation.h"
#include "service/provision/grants.h"

namespace dunlin::provision {

using model::Field;
using model::FieldType;
using model::Need;

/// What becomes of whoever enrols; template_from() reads it.
inline constexpr std::array<Field, 8> kTemplateFields = {
    {{"name_pattern", FieldType::text, Need::optional,
      "name of the thing: text with {name}, {cn}, {san}, {serial}, {o}, {ou}, {sn}, and one * at most"},
     {"type", FieldType::text, Need::optional, "type of the thing"},
     {"policies", FieldType::array, Need::optional, "policies of the thing (those of its type)"},
     {"groups", FieldType::array, Need::optional, "groups of which the thing becomes a member"},
     {"allow", FieldType::array, Need::optional, "only these names or serial numbers; empty: all"},
     {"quota", FieldType::integer, Need::optional, "most things that are there by it; 0: no limit"},
     {"approval", FieldType::text, Need::optional, "automatic or queue (automatic)"},
     {"days", FieldType::integer, Need::optional, "lifetime of certificates that are issued (365)"}}};

template <std::size_t N>
constexpr std::array<Field, N + kTemplateFields.size()> with_template(const std::array<Field, N>& fields) {
  std::array<Field, N + kTemplateFields.size()> all{};
  for (std::size_t i = 0; i < N; ++i) all[i] = fields[i];
  for (std::size_t i = 0; i < kTemplateFields.size(); ++i) all[N + i] = kTemplateFields[i];
  return all;
}

inline constexpr std::array<Field, 2> kPage = {
    {{"after", FieldType::text, Need::optional, "page: begin behind this"},
     {"limit", FieldType::integer, Need::optional, "at most this many, 1 to 1000 (100)"}}};
inline constexpr std::array<Field, 10> kGrant = {
    {{"id", FieldType::text, Need::required, "what it is called in other calls"},
     {"label", FieldType::text, Need::required, "for people"},
     {"state", FieldType::text, Need::required, "enabled or disabled"},
     {"enrolled", FieldType::integer, Need::required, "things that are there by it"},
     {"expires_at", FieldType::text, Need::optional, "RFC 3339"},
     {"uses_left", FieldType::integer, Need::optional, "none: any number"},
     {"template", FieldType::object, Need::required, "what becomes of a device"},
     {"name", FieldType::text, Need::optional, "an authority's common name"},
     {"not_after", FieldType::text, Need::optional, "when an authority's certificate ends, RFC 3339"},
     {"auto_registration", FieldType::boolean, Need::optional,
      "whether an authority's devices may register themselves"}}};
inline constexpr std::array<Errc, 1> kOnlyNotFound = {Errc::not_found};
inline constexpr std::array<Errc, 3> kMakeErrors = {Errc::invalid_argument, Errc::limit_exceeded,
                                                    Errc::already_exists};

/// Label, template, expiry (`hours`, else `absent`) and uses of a new grant. Errors: invalid_argument,
/// limit_exceeded.
Result<Grant> new_grant(const boost::json::object& request, WallTime now, Duration absent,
                        std::int64_t absent_uses);

void declare_authorities(Grants& grants, model::OperationTable& table);
void declare_codes(Grants& grants, const security::Pki& pki, model::OperationTable& table);
void declare_queue(Grants& grants, model::OperationTable& table);
std::vector<model::OperationSpec> authority_operations();
std::vector<model::OperationSpec> code_operations();
std::vector<model::OperationSpec> queue_operations();

/// Answers a list of grants with the name to page behind.
void list_grants(Grants& grants, GrantKind kind, const boost::json::object& request, std::string_view name,
                 model::Reply reply);

}  // namespace dunlin::provision
