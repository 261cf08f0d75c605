(* SPDX-License-Identifier: GPL-2.0-only *)
(* run.c: what a guest runs with. *)
From KCore Require Import code.Calls code.Stats.
From KCore Require Import code.Context code.Regs code.Release code.Cpu code.Gpsci code.Run code.Frame gen.C_run.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* HCR_EL2, MPIDR and what else a guest runs with: wishes by the page, within bounds; a normal VM's MPIDR, MDCR_EL2.TDE and CNTHCTL_EL2.EL1PCTEN too. *)
Definition HCR_GUEST : Z := 0x8807c063f.
Definition HCR_GUEST_PROTECTED : Z := 0x4000008807d063f.
Definition HCR_GUEST_AARCH32 : Z := 0x80078063f.
Definition HCR_RAS : Z := 0x3000000000.
Definition CPTR_GUEST : Z := 0x401037ff.
Definition WISHES_NORMAL : Z := 0x300040261c0.     (* VF VI VSE TWI TWE TID2 TVM APK API *)
Definition WISHES_AARCH32 : Z := 0x300040661c0.    (* and TID3 *)
Definition WISHES_PROTECTED : Z := 0x61c0.
Definition hcr_normal (aarch32 wishes : Z) : Z :=
  if narrow wishes && (aarch32 =? AARCH32_EL1) then Z.lor HCR_GUEST_AARCH32 (Z.land wishes WISHES_AARCH32)
  else Z.lor HCR_GUEST (Z.land wishes WISHES_NORMAL).
Definition guest_hcr (aarch32 type wishes : Z) : Z :=
  if type =? KCORE_VM_NORMAL then hcr_normal aarch32 wishes
  else Z.lor HCR_GUEST_PROTECTED (Z.land wishes WISHES_PROTECTED).
Definition guest_traps (type wishes : Z) : Z := if type =? KCORE_VM_NORMAL then wishes else 0.
(* FP and SVE registers of the host's, which a normal VM has for the run *)
Definition sve_wish (type page : Z) (s : state) : Z := if type =? KCORE_VM_NORMAL then words_of page s 33 else 0.
Definition sve_run (cpu type page : Z) (s : state) : bool :=
  negb (Z.land (sve_wish type page s) KCORE_SVE_ON =? 0) && (cell s "cpu_fp" cpu =? 0) && (Z.land (reg s "host_cptr" 0) 0x100 =? 0).
(* Registers of AArch32 from the page; FPEXC is the guest's where its FP registers are in the CPU, else EN is set. *)
Definition FPEXC_EN : Z := 0x40000000.
Definition a32_entered (page : Z) (fp : bool) (s : state) : state :=
  load_bank whole "a32" 0 NR_A32 (page + CTX_A32) (setreg "fpexc" 0 (if fp then word s (page + CTX_FPEXC) else FPEXC_EN)
    (record "isb" [] (setreg "cptr" 0 (reg s "host_cptr" 0) s))).
Definition hcr_run (type page : Z) (s : state) : Z := guest_hcr (cell s "has_aarch32" 0) type (words_of page s State.W_IO).
Definition controls (cpu vcpu type page : Z) (s : state) : state :=
  let hcr := hcr_run type page s in
  let ras := negb (cell s "has_ras" 0 =? 0) in
  let traps := guest_traps type (words_of page s 63) in
  let mpidr := if type =? KCORE_VM_NORMAL then words_of page s 58 else Z.lor 0x80000000 (vcpu mod KCORE_VM_VCPUS) in
  let s1 := setreg "vmpidr" 0 mpidr s in
  let s2 := if ras && negb (Z.land hcr KCORE_HCR_VSE =? 0) then setreg "vsesr" 0 (Z.land (words_of page s 62) 0x1ffffff) s1 else s1 in
  let s3 := setreg "hcr" 0 (if ras then Z.lor hcr HCR_RAS else hcr) s2 in
  let s3 := if narrow hcr then a32_entered page (negb (cell s "cpu_fp" cpu =? 0)) s3 else s3 in
  let s4 := if sve_run cpu type page s then setreg "zcr" 0 (Z.land (sve_wish type page s) KCORE_SVE_LENGTH) s3 else s3 in
  setreg "vttbr" 0 (vttbr_of s (vcpu / KCORE_VM_VCPUS))
    (setreg "cnthctl" 0 (Z.lor (Guest.clear (reg s "host_cnthctl" 0) 3) (Guest.clear KCORE_TRAP_COUNTER traps))
      (setreg "mdcr" 0 (Z.lor (Z.lor (Z.land (reg s "host_mdcr" 0) 31) 0x84e60) (Z.land traps KCORE_TRAP_DEBUG))
        (setreg "cptr" 0 (if sve_run cpu type page s then Guest.clear CPTR_GUEST 0x500
                          else if negb (cell s "cpu_fp" cpu =? 0) then Guest.clear CPTR_GUEST 0x400 else CPTR_GUEST) s4))).
Definition s_guest_controls : prim state := fun args s =>
  match args with
  | [cpu; vcpu; type; page] =>
      pre cpu_ok cpu && vcpu_number vcpu && ctx_ok s page && roots_ok s (vcpu / KCORE_VM_VCPUS) in
      Ok (hcr_run type page s, controls cpu vcpu type page s)
  | _ => Stuck
  end.

Definition s_hcr_normal : prim state := fun args s =>
  match args with [wishes] => Ok (hcr_normal (cell s "has_aarch32" 0) wishes, s) | _ => Stuck end.
Lemma hcr_normal_ok : meets (run L1 f_hcr_normal) s_hcr_normal.
Proof.
  spec_args. unfold hcr_normal, narrow, HCR_GUEST, HCR_GUEST_AARCH32, WISHES_NORMAL, WISHES_AARCH32, KCORE_HCR_RW, AARCH32_EL1.
  guest_bits. masks. start f_hcr_normal. hide. steps; finish.
Qed.
Definition s_aarch32_enter : prim state := fun args s =>
  match args with
  | [page; fp] => pre ctx_ok s page in
      Ok (0, load_bank whole "a32" 0 NR_A32 (page + CTX_A32) (setreg "fpexc" 0 (if negb (fp =? 0) then word s (page + 832) else 1073741824)
               (record "isb" [] (setreg "cptr" 0 (reg s "host_cptr" 0) s))))
  | _ => Stuck
  end.
Lemma aarch32_enter_ok : meets (run L1 f_aarch32_enter) s_aarch32_enter.
Proof. spec_args. contexts. start f_aarch32_enter. hide. steps; finish. Qed.

Lemma guest_controls_ok : meets (run (add (add L1 "hcr_normal" s_hcr_normal) "aarch32_enter" s_aarch32_enter) f_guest_controls) s_guest_controls.
Proof.
  spec_args. contexts. cpus. vcpu_range.
  unfold controls, a32_entered, hcr_run, narrow, FPEXC_EN, CTX_FPEXC, KCORE_HCR_RW, sve_run, sve_wish, KCORE_SVE_ON, KCORE_SVE_LENGTH, guest_hcr, guest_traps, HCR_GUEST, HCR_GUEST_PROTECTED, HCR_RAS, CPTR_GUEST, WISHES_NORMAL, WISHES_PROTECTED, KCORE_HCR_VSE, KCORE_TRAP_DEBUG, KCORE_TRAP_COUNTER.
  guest_bits. names. masks. change (words_of z2 s State.W_IO) with (word s (z2 + 480)).
  change (words_of z2 s 33) with (word s (z2 + 264)). start f_guest_controls. hide. steps; finish.
Qed.
