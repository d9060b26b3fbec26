#pragma once

#include <boost/json/fwd.hpp>
#include <string>

namespace dunlin::apps {

/// An answer for a person: a list as a table, an object as lines of name and value. Ends with a line break.
std::string render_text(const boost::json::value& answer);

/// The same for the answer of an operation by its name: some have a form of their own.
std::string render_answer(std::string_view operation, const boost::json::value& answer);

}  // namespace dunlin::apps
