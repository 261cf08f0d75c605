(* SPDX-License-Identifier: GPL-2.0-only *)
(* trap.c: traps of the host.  The handlers of its calls are whatever the layer below has by their names. *)
From KCore Require Import code.Cpu code.Inject code.Psci code.HostSmc.
From KCore Require Import code.Calls code.Log code.Stats code.Host gen.C_trap.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Definition EC_SMC : Z := 0x17. Definition EC_SVE : Z := 0x19. Definition EC_SME : Z := 0x1d.
Definition FSC_ALIGNMENT : Z := 0x21.
Definition EL1H : Z := 5. Definition EL1T : Z := 4.
Ltac trap_consts :=
  cbv delta [EC_SMC EC_SVE EC_SME STUB_FINALISE FSC_ALIGNMENT EL1H EL1T KCORE_STUB_CALLS KCORE_STUB_ERR KCORE_HC_VCPU_RUN
    KCORE_STAT_stub_refused KCORE_STAT_host_call KCORE_STAT_host_call_error KCORE_STAT_host_fault KCORE_STAT_host_injected
    LOG_STUB_REFUSED LOG_HOST_REFUSED Guest.ec Guest.bit_of Guest.EC_HVC Guest.EC_FP Guest.EC_IABT Guest.EC_DABT Guest.ESR_IL
    Guest.ESR_CM Guest.ESR_WNR] in *; consts.
Ltac eval_tac ::= eval_steps; cbn [modulus]; goal_numbers; reflexivity.
Ltac pre_true ::=
  first [ assumption | unfold cpu_ok, stat_ok, KCORE_MAX_CPUS, KCORE_NR_STATS;
  repeat match goal with |- (_ && _) = true => apply andb_true_iff; split end; one_true ].

(* ------------------------------------------------------------------ calls *)

(* The call with this number, by the table of kcore/abi.h. *)
Definition hypercall (fn : Z) : option (string * Z) :=
  match List.find (fun c => fn =? snd (fst c)) hypercalls with Some (name, _, nargs) => Some (name, nargs) | None => None end.
Definition host_call (H : layer state) (fn : Z) (s : state) : res (Z * state) :=
  match hypercall fn with
  | Some (name, nargs) => H name (firstn (Z.to_nat nargs) (map (reg s "host_x") [1; 2; 3; 4; 5])) s
  | None => Ok (KCORE_ENOSYS, s)
  end.
Definition s_host_call (H : layer state) : prim state := fun args s =>
  match args with [fn] => host_call H fn s | _ => Stuck end.

Definition L_calls (H : layer state) : layer state := extend L1 (map (fun c => (fst (fst c), H (fst (fst c)))) hypercalls).

(* One call of the table: its number, its handler. *)
Ltac one_call :=
  let C := fresh "C" in
  apply wp_seq; eapply wp_if; [eval_tac | |]; intros C; rewrite truth_b2z in C; cbn [eval_cmp] in C;
  [ apply Z.eqb_eq in C; match type of C with _ = ?k => let v := eval vm_compute in k in change k with v in C end; subst;
    apply wp_seq; eapply wp_call; [reflexivity|]; match goal with |- context [L_calls ?H ?f] => change (L_calls H f) with (H f) end;
    unfold host_call;
    match goal with |- context [hypercall ?k] => let v := eval vm_compute in (hypercall k) in change (hypercall k) with v end;
    cbv beta iota; match goal with |- context [firstn ?n ?l] => let m := eval cbv in n in change n with m end; cbn [firstn map];
    match goal with |- returns_to _ _ _ ?r => destruct r as [[v t]| |] end;
    [right; reflexivity | right; reflexivity | left; reflexivity]
  | apply wp_skip; step ].
Lemma host_call_ok H : meets (run (L_calls H) f_host_call) (s_host_call H).
Proof.
  spec_open. start f_host_call.
  do 5 (apply wp_seq; eapply wp_call; [reflexivity|]; change (L_calls H "host_x") with p_host_x;
    match goal with |- context [p_host_x [?k] ?s] => change (p_host_x [k] s) with (Ok (reg s "host_x" k, s)) end;
    cbn [returns_to put setv]; step).
  do 27 one_call.
  eapply wp_return; [reflexivity|]. right. cbn [result]. unfold host_call, hypercall, hypercalls. cbn [List.find fst snd].
  repeat match goal with C : (_ =? _) = false |- _ => rewrite C; clear C end. reflexivity.
Qed.

(* A call of the kernel's hyp-stub: nothing that would hand EL2 over. *)
Definition host_stub (cpu fn : Z) (s : state) : res (Z * state) :=
  if fn =? STUB_FINALISE then Ok (0, setreg "host_x" 0 0 s) else
  let* (_, s) := section (s_log_event [LOG_STUB_REFUSED; fn; 0]) (stat_add cpu KCORE_STAT_stub_refused s) in
  Ok (0, setreg "host_x" 0 KCORE_STUB_ERR s).
Definition s_host_stub : prim state := fun args s =>
  match args with [cpu; fn] => pre cpu_ok cpu in host_stub cpu fn s | _ => Stuck end.
Lemma host_stub_ok : meets (run (add (add L1 "stat_add" s_stat_add) "log_event" s_log_event) f_host_stub) s_host_stub.
Proof. spec_open. unfold host_stub, section. unfold cpu_ok in *. trap_consts. props. start f_host_stub. go. Qed.

(* HVC of the host; the PC is behind it.  1: a guest is entered. *)
Definition timed (cpu : Z) (f : state -> res (Z * state)) (s : state) : res (Z * state) :=
  let begin := now s in
  let* (r, s) := f (record "counter_read" [] s) in
  Ok (r, stat_max cpu KCORE_STAT_el2_max (wrap U64 (now s - begin)) (record "counter_read" [] s)).
Definition count_call (cpu r : Z) (s : state) : state :=
  let s := stat_add cpu KCORE_STAT_host_call s in
  if KCORE_ERR_MIN <=? r then stat_add cpu KCORE_STAT_host_call_error s else s.
Definition answered (H : layer state) (cpu fn : Z) (s : state) : res (Z * state) :=
  let* (r, s) := s_host_call H [fn] s in Ok (0, count_call cpu r (setreg "host_x" 0 r s)).
Definition host_hvc (H : layer state) (cpu : Z) (s : state) : res (Z * state) :=
  let fn := reg s "host_x" 0 in
  if fn =? KCORE_HC_VCPU_RUN then
    let* (r, s) := H "hc_vcpu_run" [reg s "host_x" 1] s in
    if r =? 0 then Ok (1, s) else Ok (0, setreg "host_x" 0 r s)
  else if fn <? KCORE_STUB_CALLS then let* (_, s) := s_host_stub [cpu; fn] s in Ok (0, s)
  else timed cpu (answered H cpu fn) s.
Definition s_host_hvc (H : layer state) : prim state := fun args s =>
  match args with [cpu] => pre cpu_ok cpu in host_hvc H cpu s | _ => Stuck end.

Definition L_hvc (H : layer state) : layer state := add (add (add (add (add L1 "stat_add" s_stat_add) "stat_max" s_stat_max)
  "hc_vcpu_run" (H "hc_vcpu_run")) "host_stub" s_host_stub) "host_call" (s_host_call H).

Lemma host_hvc_ok H : meets (run (L_hvc H) f_host_hvc) (s_host_hvc H).
Proof.
  spec_open. unfold host_hvc, timed, answered, count_call, L_hvc. unfold cpu_ok in *. trap_consts. props. start f_host_hvc. go.
Qed.

