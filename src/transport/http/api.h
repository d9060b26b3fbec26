#pragma once
// The operations as HTTP routes: reads the request's fields, finds the caller, renders the answer.

#include <boost/json/fwd.hpp>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/refusal.h"
#include "model/operation.h"
#include "net/http/router.h"
#include "transport/http/web_door.h"

namespace dunlin::transport {

inline constexpr std::string_view kSessionCookie = "dunlin_session";
inline constexpr std::string_view kRequestHeader = "X-Dunlin-Request";

/// The HTTP server's executor only.
class Api {
 public:
  /// The table and the door must outlive the object; the table is complete. `device_operations` and
  /// `byte_operations` are served elsewhere: the OpenAPI document describes them too.
  Api(const model::OperationTable& table, WebDoor door, std::string version,
      std::span<const model::OperationSpec> device_operations = {},
      std::span<const model::OperationSpec> byte_operations = {}, RefusalSink* refusals = nullptr);

  /// Adds every operation, /api/session, /api/session/claim and /api/openapi.json.
  void mount(net::http::Router& router);

  /// Behind the last route: the OpenAPI document names those that are no operations, too.
  void describe(const net::http::Router& router);

  /// Another form of an operation's answer, made while it is sent.
  struct Form {
    /// The media type that the request wants; empty: the usual form.
    std::string_view (*wanted)(const net::http::Request& request);
    /// Called with a request that the operation would take. `type` is what `wanted` has said.
    std::function<void(const model::Caller& caller, const boost::json::object& fields, std::string_view type,
                       net::http::Responder responder)>
        serve;
  };
  /// Before the first request; at most one of an operation.
  void add_form(std::string_view operation, Form form) {
    forms_.insert_or_assign(operation, std::move(form));
  }

  using CallerDone = std::move_only_function<void(Result<model::Caller>)>;
  /// Who sends the request: by bearer token, or by session cookie. A call that changes something and comes
  /// with the cookie needs the header kRequestHeader, which no other site's page can send. Without either the
  /// caller is anonymous.
  void identify(const net::http::Request& request, CallerDone done);
  /// The same where devices come in too: by certificate, or by name and token (Authorization: Basic).
  void identify_any(const net::http::Request& request, CallerDone done);
  /// Tells of a request that was refused for want of a proof or a right, whoever keeps such things. What
  /// identify() refuses for a wrong proof is told of there.
  void tell_refused(const model::Caller& caller, const Error& error) const;

 private:
  void serve(const model::Operation& operation, net::http::Request request,
             const net::http::PathParameters& path, net::http::Responder responder);
  void serve_form(const model::Operation& operation, const Form& form, std::string_view type,
                  boost::json::object fields, const net::http::Request& request,
                  net::http::Responder responder);
  /// A page asks who is signed in before it shows anything: that nobody is, is an answer and no error.
  void serve_session(net::http::Request request, net::http::Responder responder);
  void serve_sign_in(net::http::Request request, net::http::Responder responder);
  void serve_claim(net::http::Request request, net::http::Responder responder);
  void serve_sign_out(net::http::Request request, net::http::Responder responder);

  const model::OperationTable& table_;
  WebDoor door_;
  std::string openapi_;
  RefusalSink* refusals_;
  std::map<std::string_view, Form> forms_;
};

/// The request's fields as the operation declares them: from the path, the query or the JSON body.
/// Errors: invalid_argument, malformed.
Result<boost::json::object> read_fields(const model::OperationSpec& spec, const net::http::Request& request,
                                        const net::http::PathParameters& path);

net::http::Response render(const Result<boost::json::value>& answer);

}  // namespace dunlin::transport
