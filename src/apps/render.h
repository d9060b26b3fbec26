#pragma once

#include <boost/json/fwd.hpp>
#include <string>

namespace dunlin::apps {

/// An answer for a person: a list as a table, an object as lines of name and value. Ends with a line break.
std::string render_text(const boost::json::value& answer);

}  // namespace dunlin::apps
