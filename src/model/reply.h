#pragma once
// Completions with which operations answer: what was asked for in its JSON form, or the error. For the
// services' *operations.cc.

#include <boost/json/value.hpp>
#include <string_view>
#include <utility>

#include "model/operation.h"

namespace dunlin::model {

/// {name: [..]}, a row for each record: its to_json(), found by the record's type.
template <class Records>
boost::json::object list_of(std::string_view name, const Records& records) {
  boost::json::array rows;
  for (const auto& record : records) rows.push_back(to_json(record));
  return {{name, std::move(rows)}};
}

/// Answers a Result<T> with `form(T)`, a JSON object or value.
template <class Form>
auto reply_with(Reply reply, Form form) {
  return [reply = std::move(reply), form = std::move(form)](auto result) mutable {
    if (!result) return reply(std::unexpected(std::move(result).error()));
    reply(boost::json::value(form(*std::move(result))));
  };
}

/// Answers a Result of one record with its to_json(), found by the record's type.
inline auto reply_record(Reply reply) {
  return reply_with(std::move(reply), [](const auto& record) { return to_json(record); });
}

/// Answers a Result of a vector of records with list_of(); `name` must outlive the answer.
inline auto reply_list(Reply reply, std::string_view name) {
  return reply_with(std::move(reply), [name](const auto& records) { return list_of(name, records); });
}

/// Answers a Result<void> with {}.
inline auto reply_nothing(Reply reply) {
  return [reply = std::move(reply)](Result<void> result) mutable {
    if (!result) return reply(std::unexpected(std::move(result).error()));
    reply(boost::json::object{});
  };
}

}  // namespace dunlin::model
