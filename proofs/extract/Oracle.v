(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * The top machine as a program (docs/oracle.md).  Nothing here is proved, and no theorem stands on it: what is extracted are the definitions of
 * top/, and of sim/Answers.v, themselves.  Integers become Zarith's, [nat] a machine word; functions stay functions, and what a state's functions
 * give is kept in tables between two steps by tables.ml.
 *)
From Coq Require Import ZArith Extraction ExtrOcamlBasic ExtrOcamlNatInt ExtrOcamlZBigInt.
From KCore Require Import top.Machine top.Service sim.Answers code.GuestSysreg.
Local Open Scope Z_scope.

(* What KCore answers a protected guest by itself (sim/Answers.v).  id: what the machine's ID register holds. *)
Definition local_op (gicv3 : bool) (esr id : Z) : gop :=
  if ec esr =? EC_SYSREG then OLocal KCORE_STAT_exit_sysreg (fun l => sysreg_answer gicv3 esr (id_shown gicv3 esr id) (of_list l))
  else OLocal (cause esr) (fun l => other_answer esr (of_list l)).

(* An HVC of a protected guest: to the vendor service (top/Service.v), or PSCI.  base, end_: of the VM's memory; word: what the machine says
   of its measurement; R: the guest's registers. *)
Definition hvc_op (far base end_ word : Z) (R : Z -> Z) : gop :=
  match vendor_answer base end_ word R, memory_ask base end_ R, guard_ask base end_ R with
  | Some l, _, _ => OLocal KCORE_STAT_exit_hvc (fun _ => l)
  | None, Some (k, i), _ => OMem k i far
  | None, None, Some i => OGuard i
  | None, None, None => OHvc far
  end.

(* A guest's trap, of a protected VM or not, with an answer of KCore's alone where there is one; hides: it is an abort that the guest takes itself. *)
Definition trap_op (guarded gicv3 hides : bool) (esr far hpfar id base end_ word : Z) (R : Z -> Z) : gop :=
  if guarded then
    if hides then OLocal KCORE_STAT_exit_abort (fun l => take_exception (of_list l) (guard_syndrome esr) far) else
    if ec esr =? EC_HVC then hvc_op far base end_ word R else
    if (ec esr =? EC_WFX) || (ec esr =? EC_IABT) || (ec esr =? EC_DABT) || ((ec esr =? EC_SYSREG) && is_sgi gicv3 esr)
    then OExit esr far hpfar else local_op gicv3 esr id
  else OExit esr far hpfar.

(* The host's call with number fn (abi.h); said: what the clock says, or the machine of a measurement, where the call asks for it. *)
Definition request_of (fn a b d e g said : Z) : request :=
  let n := fn - 0xc6004b00 in
  if n =? 0 then RVersion else if n =? 2 then RLoad a else if n =? 3 then RPut else if n =? 4 then RCreate a else
  if n =? 5 then RFinalise a b d false else if n =? 6 then RBegin a else if n =? 7 then RStep a else if n =? 8 then REnd a else
  if n =? 9 then RVcpuCreate a b d else if n =? 10 then RVcpuDestroy a else if n =? 11 then RDonate a b d else
  if n =? 12 then RMap a b d e g else if n =? 13 then RUnmap a b d false else if n =? 14 then RProtect a b d else
  if n =? 15 then RUnmap a b d true else if n =? 16 then RFlush a else if n =? 17 then RInfo a else if n =? 18 then RStats a said else
  if n =? 19 then RLog a said else if n =? 20 then RVmcr else if n =? 21 then RPageState a else
  if n =? 22 then RFinalise a b d true else if n =? 23 then RMeasure a b else if n =? 24 then RStart a (negb (said =? 0)) else
  if n =? 25 then RMeasurement said else if n =? 26 then RQuote a (negb (said =? 0)) else RUnknown.

(* Operations of Zarith with the same meaning (two's complement of any length, as ZArith has it). *)
Extract Constant Z.land => "Z.logand".
Extract Constant Z.lor => "Z.logor".
Extract Constant Z.ldiff => "(fun a b -> Z.logand a (Z.lognot b))".
Extract Constant Z.testbit => "(fun a n -> Z.sign n >= 0 && Z.testbit a (Z.to_int n))".
Extract Constant Z.ltb => "Z.lt".
Extract Constant Z.leb => "Z.leq".
Extract Constant Z.of_nat => "Z.of_int".
Extract Constant Z.to_nat => "(fun z -> if Z.sign z <= 0 then 0 else Z.to_int z)".
Extract Constant Nat.ltb => "(<)".
Extract Constant Nat.leb => "(<=)".

Set Warnings "-extraction".
Separate Extraction step boot_pub request_of trap_op hidden.
