#include "transport/http/api.h"

#include <array>
#include <boost/json.hpp>

#include "base/core/assert.h"
#include "model/json_fields.h"
#include "security/records.h"
#include "service/provision/requests.h"
#include "transport/http/openapi.h"
#include "transport/http/plain_routes.h"

namespace dunlin::transport {
namespace {

using net::http::PathParameters;
using net::http::Request;
using net::http::Responder;
using net::http::Response;

net::http::Method method_of(model::Method method) {
  switch (method) {
    case model::Method::get:
      return net::http::Method::get;
    case model::Method::put:
      return net::http::Method::put;
    case model::Method::post:
      return net::http::Method::post;
    case model::Method::patch:
      return net::http::Method::patch;
    case model::Method::del:
      return net::http::Method::delete_;
  }
  return net::http::Method::get;
}

std::string bearer_token(const Request& request) {
  const auto value = request.headers.get("Authorization");
  constexpr std::string_view kScheme = "Bearer ";
  if (!value || !value->starts_with(kScheme)) return {};
  return std::string(net::http::trimmed(value->substr(kScheme.size())));
}

std::string session_token(const Request& request) {
  return std::string(net::http::find_cookie(request.headers, kSessionCookie).value_or(""));
}

bool changes_something(const Request& request) {
  return request.method != net::http::Method::get && request.method != net::http::Method::head;
}

bool is_secure(const Request& request) {
  return !request.peer->tls_version.empty();
}

boost::json::object user_json(const Principal& principal) {
  boost::json::array permissions(principal.permissions.begin(), principal.permissions.end());
  return {{"signed_in", true}, {"user", {{"name", principal.name}, {"permissions", std::move(permissions)}}}};
}

/// Sign-in and claim answer the same way: the user, and the session as a cookie.
SignInDone answer_signed_in(bool secure, Responder responder) {
  return [secure, responder = std::move(responder)](Result<SignedIn> signed_in) mutable {
    if (!signed_in) return responder.send(render(std::unexpected(signed_in.error())));
    if (!signed_in->principal)
      return responder.send(render(boost::json::value{{"signed_in", false}, {"needs", "code"}}));
    Response response = render(boost::json::value(user_json(*signed_in->principal)));
    net::http::SetCookie cookie;
    cookie.name = kSessionCookie;
    cookie.value = signed_in->session_token;
    cookie.max_age = std::chrono::duration_cast<std::chrono::seconds>(signed_in->lifetime);
    cookie.secure = secure;
    const auto field = net::http::format_set_cookie(cookie);
    if (!field) return responder.send(render(std::unexpected(field.error())));
    response.headers.add("Set-Cookie", *field);
    responder.send(std::move(response));
  };
}

using model::Field;
using model::FieldType;
using model::Need;

constexpr Field kSignInFields[] = {{"user", FieldType::text, Need::required, "the user's name"},
                                   {"password", FieldType::text, Need::required, "the password"},
                                   {"code", FieldType::text, Need::optional,
                                    "of the authenticator app, or a recovery code, if one is asked for"}};
constexpr Field kClaimFields[] = {
    {"token", FieldType::text, Need::required, "from the one-time link"},
    {"password", FieldType::text, Need::required, "the chosen password, at least 12 bytes"}};
constexpr Field kSessionFields[] = {
    {"signed_in", FieldType::boolean, Need::required, "whether anybody is"},
    {"user", FieldType::object, Need::optional, "who is: name and permissions"},
    {"session", FieldType::text, Need::optional, "the id of the web session that asks (get)"},
    {"needs", FieldType::text, Need::optional, "\"code\": the password is right, send a code beside it"}};
constexpr Errc kSignInErrors[] = {Errc::unauthenticated, Errc::permission_denied, Errc::unavailable};
constexpr Errc kSignOutErrors[] = {Errc::permission_denied};

constexpr model::OperationSpec kSession{"session.get",  model::Method::get,
                                        "/api/session", "Say who is signed in.",
                                        model::kPublic, {},
                                        kSessionFields, {}};
constexpr model::OperationSpec kSignIn{
    "session.login", model::Method::post, "/api/session", "Sign in; the session comes as a cookie.",
    model::kPublic,  kSignInFields,       kSessionFields, kSignInErrors};
constexpr model::OperationSpec kSignOut{
    "session.logout", model::Method::del, "/api/session", "Sign out.", model::kPublic, {}, {},
    kSignOutErrors};
constexpr model::OperationSpec kClaim{
    "session.claim",      model::Method::post,
    "/api/session/claim", "Set the first user's password by the one-time link, and sign in.",
    model::kPublic,       kClaimFields,
    kSessionFields,       kSignInErrors};
constexpr std::array kSessionOperations{kSession, kSignIn, kSignOut, kClaim};

/// The texts of a sign-in body, in the order of the operation's fields; an optional one that is absent is
/// empty. Errors: permission_denied, invalid_argument, malformed.
Result<std::vector<std::string>> read_texts(const model::OperationSpec& spec, const Request& request) {
  if (!request.headers.get(kRequestHeader)) {
    return fail(Errc::permission_denied, "the header X-Dunlin-Request: 1 is missing");
  }
  DUNLIN_TRY(boost::json::object fields, read_fields(spec, request, {}));
  std::vector<std::string> texts;
  std::size_t known = 0;
  for (const Field& field : spec.request) {
    auto text = model::optional_text(fields, field.name);
    known += text ? 1 : 0;
    if (!text && field.need == Need::required)
      return fail(Errc::invalid_argument, "\"" + std::string(field.name) + "\" is missing, or no text");
    texts.push_back(std::move(text).value_or(""));
  }
  if (known != fields.size()) return fail(Errc::invalid_argument, "there is a field that is not known here");
  return texts;
}

}  // namespace

Api::Api(const model::OperationTable& table, WebDoor door, std::string version,
         std::span<const model::OperationSpec> device_operations,
         std::span<const model::OperationSpec> byte_operations, RefusalSink* refusals)
    : table_(table),
      door_(std::move(door)),
      openapi_(boost::json::serialize(
          openapi_document(table, kSessionOperations, device_operations, byte_operations, version))),
      refusals_(refusals) {}

void Api::mount(net::http::Router& router) {
  const auto add = [&router](net::http::Method method, std::string_view path,
                             net::http::RouteHandler handler) {
    const auto added = router.add(method, path, std::move(handler));
    DUNLIN_ASSERT(added.has_value());
  };
  for (const model::Operation& operation : table_.all()) {
    add(method_of(operation.spec.method), operation.spec.path,
        [this, &operation](Request request, PathParameters path, Responder responder) {
          serve(operation, std::move(request), path, std::move(responder));
        });
  }
  add(net::http::Method::get, "/api/session", [this](Request request, PathParameters, Responder responder) {
    serve_session(std::move(request), std::move(responder));
  });
  add(net::http::Method::post, "/api/session", [this](Request request, PathParameters, Responder responder) {
    serve_sign_in(std::move(request), std::move(responder));
  });
  add(net::http::Method::delete_, "/api/session",
      [this](Request request, PathParameters, Responder responder) {
        serve_sign_out(std::move(request), std::move(responder));
      });
  add(net::http::Method::post, "/api/session/claim",
      [this](Request request, PathParameters, Responder responder) {
        serve_claim(std::move(request), std::move(responder));
      });
  add(net::http::Method::get, "/api/openapi.json", [this](Request, PathParameters, Responder responder) {
    responder.send(net::http::json_response(200, openapi_));
  });
}

void Api::describe(const net::http::Router& router) {
  boost::json::object document = boost::json::parse(openapi_).as_object();
  describe_plain_routes(document, router);
  openapi_ = boost::json::serialize(document);
}

void Api::identify(const Request& request, CallerDone done) {
  WebCredentials credentials{bearer_token(request), {}, request.peer->address.host};
  if (credentials.bearer_token.empty()) credentials.session_token = session_token(request);
  const std::string address = request.peer->address.to_string();
  if (credentials.bearer_token.empty() && credentials.session_token.empty()) {
    return done(model::Caller{std::make_shared<Principal>(), address});
  }
  if (!credentials.session_token.empty() && changes_something(request) &&
      !request.headers.get(kRequestHeader)) {
    Error missing{Errc::permission_denied, "the header X-Dunlin-Request: 1 is missing"};
    tell_refused({std::make_shared<Principal>(), address}, missing);
    return done(std::unexpected(std::move(missing)));
  }
  door_.authenticate(std::move(credentials),
                     [address, done = std::move(done)](Result<PrincipalRef> principal) mutable {
                       if (!principal) return done(std::unexpected(principal.error()));
                       done(model::Caller{*std::move(principal), address});
                     });
}

void Api::identify_any(const Request& request, CallerDone done) {
  const bool is_person = !bearer_token(request).empty() || !session_token(request).empty();
  auto basic = provision::read_basic(request.headers.get("Authorization").value_or(""));
  if (is_person || (!basic && request.peer->certificate_der.empty()))
    return identify(request, std::move(done));
  ThingCredentials shown;
  shown.address = request.peer->address;
  if (basic) {
    shown.name = std::move(basic->name);
    shown.secret = std::move(basic->password);
  } else {
    shown.certificate_der.assign(request.peer->certificate_der.begin(), request.peer->certificate_der.end());
  }
  door_.authenticate_thing(std::move(shown),
                           [address = request.peer->address.to_string(),
                            done = std::move(done)](Result<PrincipalRef> principal) mutable {
                             if (!principal) return done(std::unexpected(principal.error()));
                             done(model::Caller{*std::move(principal), address});
                           });
}

void Api::tell_refused(const model::Caller& caller, const Error& error) const {
  const bool unknown = error.code == Errc::unauthenticated;
  if (refusals_ == nullptr || (!unknown && error.code != Errc::permission_denied)) return;
  const Principal& principal = *caller.principal;
  refusals_->refused({.kind = unknown ? RefusalKind::http_unauthenticated : RefusalKind::http_forbidden,
                      .address = caller.address,
                      .user = principal.kind == PrincipalKind::user ? std::string_view(principal.name) : "",
                      .reason = error.message});
}

void Api::serve(const model::Operation& operation, Request request, const PathParameters& path,
                Responder responder) {
  auto fields = read_fields(operation.spec, request, path);
  if (!fields) return responder.send(render(std::unexpected(fields.error())));
  if (const auto form = forms_.find(operation.spec.name); form != forms_.end()) {
    const std::string_view type = form->second.wanted(request);
    if (!type.empty())
      return serve_form(operation, form->second, type, *std::move(fields), request, std::move(responder));
  }
  identify(request, [this, &operation, fields = *std::move(fields),
                     responder = std::move(responder)](Result<model::Caller> caller) mutable {
    if (!caller) return responder.send(render(std::unexpected(caller.error())));
    table_.invoke(
        operation, *caller, std::move(fields),
        [this, who = *caller, responder = std::move(responder)](Result<boost::json::value> answer) mutable {
          if (!answer) tell_refused(who, answer.error());
          responder.send(render(answer));
        });
  });
}

void Api::serve_form(const model::Operation& operation, const Form& form, std::string_view type,
                     boost::json::object fields, const Request& request, Responder responder) {
  identify(request, [this, &operation, &form, type, fields = std::move(fields),
                     responder = std::move(responder)](Result<model::Caller> caller) mutable {
    if (!caller) return responder.send(render(std::unexpected(caller.error())));
    if (auto admitted = table_.admit(operation, *caller, fields); !admitted) {
      tell_refused(*caller, admitted.error());
      return responder.send(render(std::unexpected(admitted.error())));
    }
    form.serve(*caller, fields, type, std::move(responder));
  });
}

void Api::serve_session(Request request, Responder responder) {
  // A token is a claim that can be wrong; a cookie may just have ended.
  const bool by_token = !bearer_token(request).empty();
  const auto shown = security::parse_token(session_token(request));
  const std::string id = !by_token && shown ? shown->id : std::string();
  identify(request, [by_token, id, responder = std::move(responder)](Result<model::Caller> caller) mutable {
    const bool ended = !caller && !by_token && caller.error().code == Errc::unauthenticated;
    if (!caller && !ended) return responder.send(render(std::unexpected(caller.error())));
    if (ended || caller->principal->kind == PrincipalKind::anonymous) {
      return responder.send(render(boost::json::value{{"signed_in", false}}));
    }
    boost::json::object answer = user_json(*caller->principal);
    if (!id.empty()) answer["session"] = id;
    responder.send(render(boost::json::value(std::move(answer))));
  });
}

void Api::serve_sign_in(Request request, Responder responder) {
  auto texts = read_texts(kSignIn, request);
  if (!texts) return responder.send(render(std::unexpected(texts.error())));
  door_.sign_in({std::move((*texts)[0]), std::move((*texts)[1]), std::move((*texts)[2]),
                 session_token(request), request.peer->address.host},
                answer_signed_in(is_secure(request), std::move(responder)));
}

void Api::serve_claim(Request request, Responder responder) {
  auto texts = read_texts(kClaim, request);
  if (!texts) return responder.send(render(std::unexpected(texts.error())));
  door_.claim(std::move((*texts)[0]), std::move((*texts)[1]), request.peer->address.host,
              answer_signed_in(is_secure(request), std::move(responder)));
}

void Api::serve_sign_out(Request request, Responder responder) {
  if (!request.headers.get(kRequestHeader)) {
    return responder.send(render(fail(Errc::permission_denied, "the header X-Dunlin-Request: 1 is missing")));
  }
  door_.sign_out(session_token(request),
                 [secure = is_secure(request), responder = std::move(responder)](Result<void> done) mutable {
                   if (!done) return responder.send(render(std::unexpected(done.error())));
                   Response response = render(boost::json::value(boost::json::object{}));
                   const net::http::SetCookie gone{.name = std::string(kSessionCookie),
                                                   .value = "",
                                                   .max_age = std::chrono::seconds{0},
                                                   .secure = secure};
                   response.headers.add("Set-Cookie", net::http::format_set_cookie(gone).value_or(""));
                   responder.send(std::move(response));
                 });
}

}  // namespace dunlin::transport
