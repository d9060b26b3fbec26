// The records: doors that were left open, and credentials that live too long.
#include <algorithm>
#include <boost/json.hpp>
#include <set>

#include "base/time_text.h"
#include "model/json_fields.h"
#include "platform/doctor.h"
#include "security/policy.h"
#include "security/records.h"
#include "security/roles.h"
#include "security/second_factor.h"
#include "security/x509.h"
#include "service/provision/grant.h"

namespace dunlin::platform {
namespace {

using Severity = Finding::Severity;
using store::DocumentKind;

constexpr std::size_t kPage = 500;
// Second factors and roles before the users that have them.
constexpr DocumentKind kKinds[] = {
    DocumentKind::setting,   DocumentKind::second_factor, DocumentKind::role,
    DocumentKind::user,      DocumentKind::token,         DocumentKind::certificate,
    DocumentKind::authority, DocumentKind::policy,        DocumentKind::attachment};
constexpr Duration kLongToken = std::chrono::days{366};
constexpr Duration kLongGrant = std::chrono::days{90};
constexpr Duration kSoon = std::chrono::days{30};
constexpr Duration kClockSlack = std::chrono::minutes{5};

WallTime wall_of(std::int64_t unix_ms) {
  return WallTime{std::chrono::milliseconds{unix_ms}};
}

/// Walks through the records page by page and judges each by itself. Lives as long as its calls.
class RecordsLook : public std::enable_shared_from_this<RecordsLook> {
 public:
  using Done = std::move_only_function<void(Findings)>;
  RecordsLook(store::Repository& repository, Executor& reply_to, WallTime now, Done done)
      : repository_(repository), reply_to_(reply_to), now_(now), done_(std::move(done)) {}

  void next_page() {
    if (kind_ == std::size(kKinds)) return end();
    repository_.find(reply_to_, {.kind = kKinds[kind_], .after_id = after_, .limit = kPage},
                     [self = shared_from_this()](Result<std::vector<store::Document>> page) {
                       self->take(std::move(page));
                     });
  }

 private:
  void take(Result<std::vector<store::Document>> page) {
    if (!page) {
      add({Severity::error, "records_unreadable", "the records cannot be read: " + page.error().message,
           "identities and rights are in them", "put back a copy of the data folder"});
      return end();
    }
    for (const store::Document& document : *page) look_at(document);
    looked_at_ += page->size();
    if (looked_at_ >= kMaxExaminedDocuments) {
      add({Severity::note, "records_not_all_examined",
           "only the first " + std::to_string(looked_at_) + " records were looked at", "", ""});
      return end();
    }
    if (page->size() == kPage) {
      after_ = page->back().id;
    } else {
      ++kind_;
      after_.clear();
    }
    next_page();
  }

  void look_at(const store::Document& document) {
    switch (kKinds[kind_]) {
      case DocumentKind::setting:
        return look_at_setting(document);
      case DocumentKind::second_factor:
        return look_at_second_factor(document);
      case DocumentKind::attachment:
        if (!security::attachment_of(document)) unreadable("attachment", document.id);
        return;
      case DocumentKind::role:
        return look_at_role(document);
      case DocumentKind::user:
        return look_at_user(document);
      case DocumentKind::token:
        return look_at_token(document);
      case DocumentKind::certificate:
        return look_at_certificate(document);
      case DocumentKind::authority:
        return look_at_grant(document);
      default:
        return look_at_policy(document);
    }
  }

  void look_at_setting(const store::Document& document) {
    if (document.id != security::kClaimId) return;
    const auto claim = security::claim_of(document);
    if (!claim || claim->state != security::ClaimRecord::State::open || wall_of(claim->expires_at) <= now_)
      return;
    add({Severity::warning, "claim_open",
         "there is no user yet, and the one-time link of the first sign-in is open until " +
             format_rfc3339(wall_of(claim->expires_at)),
         "whoever has the link first is the administrator",
         "open the link, or: dunlin user create --name NAME"});
  }

  void look_at_second_factor(const store::Document& document) {
    const auto factor = security::second_factor_of(document);
    if (!factor) return unreadable("second factor", document.id);
    if (factor->state == security::SecondFactorRecord::State::active) with_second_factor_.insert(document.id);
  }

  void look_at_role(const store::Document& document) {
    auto role = security::role_of(document);
    if (!role) return unreadable("role", document.id);
    roles_.put({*std::move(role), security::Role::Origin::own, document.version});
  }

  void look_at_user(const store::Document& document) {
    const auto user = security::user_of(document);
    if (!user) return unreadable("user", document.id);
    see_time(user->created_at, "a user");
    if (user->state == security::UserRecord::State::disabled || with_second_factor_.contains(user->name))
      return;
    const auto permissions = roles_.permissions_of(*user);
    const bool all = std::ranges::find(permissions, "*") != permissions.end();
    if (!all) {
      users_by_password_alone_ += !permissions.empty();
      return;
    }
    add({Severity::warning, "no_second_factor",
         "the user " + user->name + " may do everything and signs in by a password alone",
         "who learns the password has the whole server",
         "dunlin totp enrol " + user->name + ", then dunlin totp confirm " + user->name});
  }

  void look_at_token(const store::Document& document) {
    const auto token = security::token_of(document);
    if (!token) return unreadable("token", document.id);
    see_time(token->created_at, "a token");
    if (token->type == security::TokenType::session) return;
    if (token->type == security::TokenType::device) {
      unending_device_tokens_ += token->expires_at == 0;
      return;
    }
    const std::string who = "the API token " + token->id + " of " + token->owner;
    const std::string mend = "dunlin token delete " + token->id + ", and a new one with --days 90";
    const auto permissions = roles_.permissions_of(*token);
    const bool all = std::ranges::find(permissions, "*") != permissions.end();
    const auto severity = all ? Severity::error : Severity::warning;
    const std::string why = all ? "who finds it may do everything" : "who finds it may use it";
    if (token->expires_at == 0) {
      add({severity, "token_never_expires", who + " never expires", why + ", for ever", mend});
    } else if (wall_of(token->expires_at) - now_ > kLongToken) {
      add({Severity::warning, "token_long", who + " lives more than a year",
           why + " until " + format_rfc3339(wall_of(token->expires_at)), mend});
    }
  }

  void look_at_certificate(const store::Document& document) {
    const auto record = security::certificate_of(document);
    if (!record) return unreadable("certificate", document.id);
    see_time(record->created_at, "a certificate");
    const std::int64_t now = unix_ms();
    const bool counts = record->use == security::CertificateRecord::Use::device && record->retires_at == 0;
    if (!counts || !security::is_usable(*record, now)) return;
    ending_certificates_ += wall_of(record->not_after) - now_ < kSoon;
  }

  void look_at_policy(const store::Document& document) {
    boost::system::error_code error;
    const auto body = boost::json::parse(document.body, error);
    const auto* object = error ? nullptr : body.if_object();
    const auto* list = object == nullptr ? nullptr : object->if_contains("statements");
    // What bounds a stage of a thing's life gives nobody anything.
    const bool bound = std::ranges::find(security::bounds(), std::string_view(document.id),
                                         &security::DefaultPolicy::name) != security::bounds().end();
    if (bound || document.id == "anonymous" || list == nullptr || !list->is_array()) return;
    const bool wide = std::ranges::any_of(list->get_array(), [](const boost::json::value& statement) {
      const auto* members = statement.if_object();
      return members != nullptr && model::optional_text(*members, "effect") == "allow" &&
             (names(*members, "actions", "mqtt:publish") || names(*members, "actions", "mqtt:*")) &&
             names(*members, "resources", "topic/#");
    });
    if (wide)
      add({Severity::warning, "policy_wide",
           "the policy " + document.id + " lets whoever has it publish to every topic",
           "one device that is taken over can speak for all others",
           "dunlin policy put " + document.id + " with ${thing.name} in its topics"});
  }

  void look_at_grant(const store::Document& document) {
    for (const std::string_view kind : {"authority:", "code:", "claim:", "group:"}) {
      if (document.id.starts_with(kind)) return judge(document);
    }
  }

  void judge(const store::Document& document) {
    const auto grant = provision::grant_of(document);
    if (!grant) return unreadable("grant", document.id);
    see_time(grant->created_at, "a grant");
    const bool over = grant->expires_at != 0 && grant->expires_at <= unix_ms();
    if (grant->state == provision::Grant::State::disabled || grant->uses_left == 0 || over) return;
    const std::string name = std::string(provision::grant_kind_name(grant->kind)) + " " +
                             (grant->label.empty() ? grant->id.substr(0, 16) : grant->label);
    if (grant->kind == provision::GrantKind::authority) judge_authority(*grant, name);
    judge_bounds(*grant, name);
  }

  void judge_authority(const provision::Grant& grant, const std::string& name) {
    const auto blocks = security::certificates_from_pem(grant.pem);
    const auto info = blocks ? security::parse_certificate(as_bytes(blocks->front()))
                             : Result<security::CertificateInfo>(std::unexpected(blocks.error()));
    if (info && info->not_after - now_ < kSoon)
      add({Severity::warning, "certificate_expires", name + " ends at " + format_rfc3339(info->not_after),
           "its devices are refused from then on", "register its successor: dunlin authority register"});
  }

  /// A grant that lets any number of devices in without anybody's word.
  void judge_bounds(const provision::Grant& grant, const std::string& name) {
    using provision::GrantKind;
    const bool asks = grant.rules.approval == provision::Approval::queue;
    const bool bounded =
        grant.rules.quota != 0 || !grant.rules.allow.empty() || !grant.thing.empty() || grant.uses_left > 0;
    const bool closed = grant.kind == GrantKind::authority &&
                        grant.auto_registration == provision::Grant::AutoRegistration::off;
    if (asks || closed) return;
    const std::string noun =
        grant.kind == GrantKind::group ? "keygroup" : std::string(provision::grant_kind_name(grant.kind));
    const std::string undo =
        noun == "authority" ? "dunlin authority update " + grant.id + " --quota N, or --approval queue"
                            : "dunlin " + noun + " delete " + grant.id + ", and a new one with --quota N";
    if (!bounded)
      add({Severity::warning, "enrolment_unbounded",
           "the " + name + " lets any number of devices in by themselves",
           "who has its key or secret can make any number of identities", undo});
    const bool lasting = grant.expires_at == 0 || wall_of(grant.expires_at) - now_ > kLongGrant;
    if (lasting && (grant.kind == GrantKind::code || grant.kind == GrantKind::claim))
      add({Severity::warning, "claim_lasting", "the " + name + " can be used for more than 90 days",
           "a secret that many know for long is found by others", undo});
  }

  static bool names(const boost::json::object& members, std::string_view list, std::string_view wanted) {
    const auto* texts = members.if_contains(list);
    if (texts == nullptr || !texts->is_array()) return false;
    return std::ranges::any_of(texts->get_array(), [&](const boost::json::value& one) {
      return one.is_string() && std::string_view(one.get_string()) == wanted;
    });
  }

  void unreadable(const std::string& what, const std::string& id) {
    add({Severity::error, "record_unreadable", "the " + what + " " + id + " cannot be read",
         "it is refused, and says nothing of what it was", "remove it, or put back a copy"});
  }

  std::int64_t unix_ms() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(now_.time_since_epoch()).count();
  }

  void see_time(std::int64_t created_at, std::string_view what) {
    if (wall_of(created_at) <= now_ + kClockSlack || clock_was_told_) return;
    clock_was_told_ = true;
    add({Severity::error, "clock_behind",
         "the clock stands at " + format_rfc3339(now_) + ", and " + std::string(what) + " was made at " +
             format_rfc3339(wall_of(created_at)),
         "certificates and tokens are judged by the clock: what has expired counts again",
         "set the clock (timedatectl set-ntp true)"});
  }

  void add(Finding finding) { found_.push_back(std::move(finding)); }

  void end() {
    if (ending_certificates_ > 0)
      add({Severity::warning, "device_certificates_expire",
           std::to_string(ending_certificates_) + " certificates of devices end within 30 days",
           "a device that does not renew its own is refused then",
           "dunlin cert list, and dunlin cert issue --thing NAME for those that do not renew by themselves"});
    if (users_by_password_alone_ > 0)
      add({Severity::note, "users_by_password_alone",
           std::to_string(users_by_password_alone_) + " users sign in by a password alone",
           "who learns a password may do what its user may", "dunlin totp enrol NAME"});
    if (unending_device_tokens_ > 0)
      add({Severity::note, "device_tokens_never_expire",
           std::to_string(unending_device_tokens_) + " tokens of devices never expire",
           "who copies one from a device can pass for it until somebody removes it",
           "give those devices certificates: dunlin cert issue --thing NAME"});
    done_(std::move(found_));
  }

  store::Repository& repository_;
  Executor& reply_to_;
  const WallTime now_;
  Done done_;
  Findings found_;
  std::size_t kind_ = 0;
  std::string after_;
  std::size_t looked_at_ = 0;
  std::size_t ending_certificates_ = 0;
  std::size_t unending_device_tokens_ = 0;
  std::size_t users_by_password_alone_ = 0;
  std::set<std::string> with_second_factor_;
  security::RoleTable roles_;
  bool clock_was_told_ = false;
};

}  // namespace

void check_records(store::Repository& repository, Executor& reply_to, WallTime now,
                   std::move_only_function<void(Findings)> done) {
  // Shared: by the completions of its own calls.
  std::make_shared<RecordsLook>(repository, reply_to, now, std::move(done))->next_page();
}

}  // namespace dunlin::platform
