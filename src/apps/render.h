#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <string>

namespace dunlin::apps {

/// An answer for a person: a list as a table, an object as lines of name and value. Ends with a line break.
std::string render_text(const boost::json::value& answer);

/// What the doctor has found, a line each, and how many. The text is made fit for a terminal.
enum class Notes : std::uint8_t { hidden, shown };
std::string render_findings(const boost::json::object& answer, Notes notes);

/// The same for the answer of an operation by its name: some have a form of their own.
std::string render_answer(std::string_view operation, const boost::json::value& answer);

}  // namespace dunlin::apps
