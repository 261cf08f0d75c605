(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * The atomic top machine: actions of the host, of devices with the host's rights, and of guests.  [step] is a function of
 * action and state: Ok, Halt (the core stops the CPU) or Stuck (the core is wrong).  An action that the state doesn't
 * offer (another one runs on the CPU, the page isn't mapped) changes nothing.
 *)
From KCore Require Export top.Guest top.Smc.

(* A program's choice of addresses and values: any function of the registers it can read. *)
Definition chosen := list Z -> Z.
Definition chosen_writes := list Z -> list (Z * Z).

Inductive gop :=
| OSet (f : chosen_writes)              (* any instructions on registers *)
| OFp (f : chosen_writes)               (* with FP registers: KCore loads them at the first use *)
| OLoad (a : chosen) (dst : Z) | OStore (a x : chosen)
| OIo (f : chosen_writes)               (* virtual CPU interface of the GIC, virtual timer *)
| OLocal (id : Z) (f : chosen_writes)   (* a trap that KCore answers: ID and debug registers, SMC, UNDEFINED, hidden aborts *)
| OHvc (far : Z)                        (* with FAR as it is then: KCore keeps it, and nobody looks at it *)
| OMem (k : ask) (i far : Z)             (* an HVC about a page of its memory *)
| OGuard (i : Z)                        (* an HVC about a page outside of its memory: the host may serve it *)
| OCount (id : Z)                       (* a trap after which it goes on as it was: its cause is counted *)
| OExit (esr far hpfar : Z)             (* WFx, stage-2 fault that isn't hidden, write of ICC_SGI1R: any syndrome the guest can cause *)
| OHostFp (f : chosen_writes).          (* a normal guest with FP registers that are the host's: with SVE the host switches them *)

Inductive act :=
| HSet (c : Z) (f : chosen_writes) | HFp (c : Z) (f : chosen_writes)
| HLoad (c : Z) (a : chosen) (dst : Z) | HStore (c : Z) (a x : chosen)
| HAbort (c ipa esr : Z)               (* stage-2 fault of the host: filled, skipped (cache maintenance), or refused *)
| HStub (c : Z)                         (* a call of the hyp-stub that is refused *)
| HSmc (c : Z) (o : platform)           (* an SMC, and what the machine answers *)
| HCall (c : Z) (r : request) | HGo (c : Z)
| HRun (c w : Z)
| HTimer (c cval ctl : Z)               (* the loaded vCPU's virtual timer *)
| HIrq (c kind : Z)                     (* a physical interrupt or SError ends the guest's run *)
| DMove (p o q r : Z)                   (* a device copies a word *)
| G (c : Z) (op : gop).

Section Machine.
Context {cfg : config}.

(* ------------------------------------------------------------------ contents *)

Definition set_mem f d := mkdata f (ctx d) (fpm d) (hreg d) (io d).
Definition set_ctx f d := mkdata (mem d) f (fpm d) (hreg d) (io d).
Definition set_fpm f d := mkdata (mem d) (ctx d) f (hreg d) (io d).
Definition set_hreg f d := mkdata (mem d) (ctx d) (fpm d) f (io d).
Definition set_io f d := mkdata (mem d) (ctx d) (fpm d) (hreg d) f.

Definition WISHES := 0x61c0.      (* VF VI VSE TWI TWE *)
Definition low32 (x : Z) : Z := Z.land x 0xffffffff.
(* What ICH_VTR says: list registers, and active-priority registers of each group. *)
Definition vtr : Z := info 0 KCORE_INFO_ICH_VTR.
Definition nr_lrs : Z := Z.land vtr 31 + 1.
Definition nr_aprs : Z := let bits := field vtr 26 7 + 1 in if 7 <=? bits then 4 else if 6 <=? bits then 2 else 1.
Definition is_apr (k : Z) : bool := inside k W_AP0R nr_aprs || inside k W_AP1R nr_aprs.

(* The words of the virtual GIC that change hands, from the page's words m, or from the vCPU's x to the page.  With system registers
   (sre) the guest has its VMCR as long as it is loaded, else as long as it runs; a CPU's VMCR stays as the last guest left it. *)
Definition R_VMCR : Z := 64.         (* by the host's registers, none that it can write *)
Definition vgic_loaded (m : Z -> Z) (left : Z) (x : Z -> Z) (k : Z) : Z :=
  if negb gicv3 then x k else
  if k =? W_VMCR then if m W_SRE =? 0 then left else low32 (m k) else if is_apr k then low32 (m k) else x k.
Definition vgic_saved (m x : Z -> Z) (k : Z) : Z :=
  if gicv3 && (((k =? W_VMCR) && negb (m W_SRE =? 0)) || is_apr k) then x k else m k.
(* Of HCR_EL2: what the host may wish for of any VM, and whether EL1 is AArch64. *)
Definition io_loaded (wide : bool) (m x : Z -> Z) (k : Z) : Z :=
  let used := Z.min (m W_USED) nr_lrs in
  if k =? W_IO then Z.lor (Z.land (m k) WISHES) (if wide || bit_of (m k) KCORE_HCR_RW then KCORE_HCR_RW else 0) else
  if k =? W_VSESR then m k else
  if inside k W_A32 N_A32 then m k else
  if negb gicv3 then x k else
  if k =? W_HCR then if used =? 0 then x k else low32 (m k) else
  if k =? W_VMCR then if m W_SRE =? 0 then low32 (m k) else x k else
  if k =? W_SRE then if m W_SRE =? 0 then 0 else 1 else
  if k =? W_USED then used else
  if inside k W_LR (Z.min used 16) then m k else x k.
Definition io_saved (disr : bool) (m x : Z -> Z) (k : Z) : Z :=
  if k =? W_IO then if bit_of (m k) KCORE_HCR_VSE then Z.lor (clear (m k) KCORE_HCR_VSE) (Z.land (x k) KCORE_HCR_VSE) else m k else
  if (k =? W_DISR) && disr then x k else
  if inside k W_A32 N_A32 && negb (bit_of (x W_IO) KCORE_HCR_RW) then x k else
  if gicv3 && (((k =? W_VMCR) && (x W_SRE =? 0)) || inside k W_LR (Z.min (x W_USED) 16)) then x k else m k.

Definition do_effect (d : data) (e : effect) : data :=
  match e with
  | Scrub p => set_mem (upd (mem d) p (fun _ => 0)) d
  | Show p => set_mem (upd (mem d) p (fun o => if inside o 0 512 then mem d p o else 0)) d
  | Boot w pg =>
      let m := mem d pg in
      set_ctx (upd (ctx d) w (writes 0 64 [(0, m 0); (1, m 1); (2, m 2); (3, m 3); (W_PC, m W_PC); (W_PSTATE, 0x3c5);
                                           (W_CNTVOFF, m W_CNTVOFF)] (ctx d w))) d
  | Reset w => set_io (upd (io d) w (fun _ => 0))
                 (set_ctx (upd (ctx d) w (fun k => if k =? W_SCTLR then 0xc50838 else 0)) d)
  | FpSave c w =>
      set_fpm (upd (fpm d) c (fun _ => 0))
        (set_ctx (upd (ctx d) w (fun k => if inside k W_FP N_FP then fpm d c k else ctx d w k)) d)
  | FpSaveShared c pg =>
      set_fpm (upd (fpm d) c (fun _ => 0))
        (set_mem (upd (mem d) pg (fun k => if inside k W_FP N_FP then fpm d c k else mem d pg k)) d)
  | VgicLoad c w pg => set_io (upd (io d) w (vgic_loaded (mem d pg) (hreg d c R_VMCR) (io d w))) d
  | VgicSave c w pg => set_hreg (upd (hreg d) c (upd (hreg d c) R_VMCR (io d w W_VMCR)))
                        (set_mem (upd (mem d) pg (vgic_saved (mem d pg) (io d w))) d)
  | IoLoad w pg wide => set_io (upd (io d) w (io_loaded wide (mem d pg) (io d w))) d
  | IoSave w pg disr => set_mem (upd (mem d) pg (io_saved disr (mem d pg) (io d w))) d
  | PageWrite pg l => set_mem (upd (mem d) pg (writes 0 512 l (mem d pg))) d
  | HostX c n x => set_hreg (upd (hreg d) c (upd (hreg d c) n x)) d
  | HostIo c n w k => set_hreg (upd (hreg d) c (upd (hreg d c) n (io d w k))) d
  end.
Definition do_effects (l : list effect) (d : data) : data := fold_left do_effect l d.

(* ------------------------------------------------------------------ registers *)

Definition values (f : Z -> Z) (lo : Z) (n : nat) : list Z := map f (range lo n).
Definition host_values (d : data) (c : Z) : list Z := values (hreg d c) 0 64.
Definition fp_values (d : data) (c : Z) : list Z := values (fpm d c) W_FP 66.
(* A guest's registers: KCore's page for a protected one, the shared page for a normal one. *)
Definition greg (s : st) (w : Z) : Z -> Z :=
  if protected (P s) (vm_of w) then ctx (D s) w else mem (D s) (c_page (vcpu (P s) w)).
Definition set_greg (s : st) (w : Z) (f : Z -> Z) : st :=
  mkst (P s) (if protected (P s) (vm_of w) then set_ctx (upd (ctx (D s)) w f) (D s)
              else set_mem (upd (mem (D s)) (c_page (vcpu (P s) w)) f) (D s)).
Definition guest_values (s : st) (w : Z) : list Z := values (greg s w) 0 58.
Definition io_values (d : data) (w : Z) : list Z := values (io d w) W_IO 45.
Definition write_greg (s : st) (w : Z) (l : list (Z * Z)) : st := set_greg s w (writes 0 W_GP l (greg s w)).
Definition with_data (f : data -> data) (s : st) : st := mkst (P s) (f (D s)).
Definition with_pub (f : pub -> pub) (s : st) : st := mkst (f (P s)) (D s).

(* The word behind an address, if the rights suffice: (page, word). *)
Definition reach (s : pub) (v a : Z) (right : Z -> bool) : option (Z * Z) :=
  match walk s v (a / PAGE_BYTES) with
  | Some (p, r) => if right r then Some (p, (a / 8) mod 512) else None
  | None => None
  end.
Definition load_word (s : st) (x : Z * Z) : Z := mem (D s) (fst x) (snd x).
Definition store_word (x : Z * Z) (y : Z) (s : st) : st :=
  with_data (fun d => set_mem (upd2 (mem d) (fst x) (snd x) y) d) s.

(* ------------------------------------------------------------------ guests *)

Definition fp_trap (c w : Z) (s : st) : st :=
  mkst (add_stat c KCORE_STAT_exit_local (add_stat c KCORE_STAT_exit_fp (change_cpu c (cpu_with_fp true) (P s))))
       (set_fpm (upd (fpm (D s)) c (fun k => if inside k W_FP N_FP then greg s w k else fpm (D s) c k)) (D s)).

Definition leave (c : Z) (rel : release) (s : st) : st :=
  mkst (deliver c rel (P s)) (do_effects (deliver_effect c rel (P s)) (D s)).
Definition keep (w far : Z) (s : st) : st :=      (* KCore's copy of the full FAR *)
  with_data (fun d => set_ctx (upd (ctx d) w (upd (ctx d w) W_KEPT far)) d) s.
Definition keep_entry (k : option (Z * Z * Z)) (s : st) : st :=
  match k with
  | Some (t, entry, x0) =>
      with_data (fun d => set_ctx (upd (ctx d) t (upd (upd (ctx d t) (W_KEPT + 1) entry) (W_KEPT + 2) x0)) d) s
  | None => s
  end.

Definition sync_release (s : st) (w esr far hpfar : Z) : release :=
  if protected (P s) (vm_of w)
  then exit_sync (v_base (vm (P s) (vm_of w))) (v_end (vm (P s) (vm_of w))) esr far hpfar (greg s w)
  else exit_normal esr far hpfar.

Definition guest_step (c w : Z) (op : gop) (s : st) : st :=
  let v := vm_of w in
  match op with
  | OSet f => write_greg s w (f (guest_values s w))
  | OFp f =>
      if u_fp (cpu (P s) c) then
        let l := f (guest_values s w ++ fp_values (D s) c) in
        with_data (fun d => set_fpm (upd (fpm d) c (writes W_FP N_FP l (fpm d c))) d) (write_greg s w l)
      else fp_trap c w s
  | OLoad a dst =>
      match reach (P s) v (a (guest_values s w)) readable with
      | Some x => write_greg s w [(dst, load_word s x)]
      | None => s
      end
  | OStore a x =>
      match reach (P s) v (a (guest_values s w)) writable with
      | Some y => store_word y (x (guest_values s w)) s
      | None => s
      end
  | OIo f =>
      let l := f (guest_values s w ++ io_values (D s) w) in
      with_data (fun d => set_io (upd (io d) w (writes W_IO N_IO l (io d w))) d) (write_greg s w l)
  | OLocal id f =>
      if protected (P s) v then
        with_pub (fun s => add_stat c KCORE_STAT_exit_local (add_stat c id s)) (write_greg s w (f (guest_values s w)))
      else s
  | OHvc far =>
      if protected (P s) v then
        match guest_hvc w (sibling (P s) w) (greg s w) with
        | HvcLocal x0 =>
            with_pub (fun s => add_stat c KCORE_STAT_exit_local (add_stat c KCORE_STAT_exit_hvc s)) (write_greg s w [(0, x0)])
        | HvcTell rel x0 kept => leave c rel (keep_entry kept (keep w far (write_greg s w [(0, x0)])))
        end
      else s
  | OMem k i far =>
      if protected (P s) v && in_memory (P s) v i then
        match mem_call v k i (P s) with
        | None => leave c (mem_fault i) (keep w far (write_greg s w [(W_PC, wrap64 (greg s w W_PC - 4))]))
        | Some (ok, t, e) =>
            with_pub (fun s => add_stat c KCORE_STAT_exit_local (add_stat c KCORE_STAT_exit_hvc s))
              (write_greg (mkst t (do_effects e (D s))) w [(0, mem_result ok)])
        end
      else s
  | OGuard i =>
      if protected (P s) v then
        let (ok, t) := guard_call v i (P s) in
        with_pub (fun s => add_stat c KCORE_STAT_exit_local (add_stat c KCORE_STAT_exit_hvc s)) (write_greg (mkst t (D s)) w [(0, mem_result ok)])
      else s
  | OCount id => with_pub (add_stat c id) s
  | OExit esr far hpfar =>
      if protected (P s) v then
        if exits_to_host esr && negb (hidden (P s) v esr hpfar) then leave c (sync_release s w esr far hpfar) (keep w far s) else s
      else leave c (sync_release s w esr far hpfar) s
  | OHostFp f =>
      if ensure CheckHostFp (negb (protected (P s) v)) && negb (u_fp (cpu (P s) c)) then
        let l := f (guest_values s w ++ fp_values (D s) c) in
        with_data (fun d => set_fpm (upd (fpm d) c (writes W_FP N_FP l (fpm d c))) d) (write_greg s w l)
      else s
  end.

(* ------------------------------------------------------------------ steps *)

Definition after (o : out) (s : st) : res st :=
  if o_ok o then Ok (mkst (o_pub o) (do_effects (o_eff o) (D s))) else Stuck.

Definition idle (s : pub) (c : Z) : bool :=       (* the host runs on the CPU, at EL1 *)
  negb (u_run (cpu s c)) && match u_call (cpu s c) with CNone => true | _ => false end.

Definition run_flags (s : st) (w : Z) : Z := mem (D s) (c_page (vcpu (P s) w)) W_FLAGS.
Definition run_value (s : st) (w : Z) : Z :=
  mem (D s) (c_page (vcpu (P s) w)) (field (c_esr (vcpu (P s) w)) 16 31).
(* The context of a protected vCPU at its entry. *)
Definition entered (r : vcpurec) (flags value : Z) (R : Z -> Z) : Z -> Z :=
  let R := if c_power r =? POWER_BOOT then writes 0 W_GP (boot_writes R) R else R in
  writes 0 W_GP (enter_writes (c_pending r) (c_esr r) flags value R) R.
Definition host_run (c w : Z) (s : st) : st :=
  let flags := run_flags s w in
  match vcpu_run c w flags (P s) with
  | (r, t, e) =>
      let s' := mkst t (do_effects e (D s)) in
      if (r =? 0) && protected (P s) (vm_of w)
      then with_data (fun d => set_ctx (upd (ctx d) w (entered (vcpu (P s) w) flags (run_value s w) (ctx (D s) w))) d) s'
      else s'
  end.

Definition host_fp (c : Z) (f : chosen_writes) (s : st) : st :=
  if u_fp (cpu (P s) c) then mkst (fp_release c (P s)) (do_effects (fp_effect c (P s)) (D s))
  else
    let l := f (host_values (D s) c ++ fp_values (D s) c) in
    with_data (fun d => set_hreg (upd (hreg d) c (writes 0 64 l (hreg d c)))
                          (set_fpm (upd (fpm d) c (writes W_FP N_FP l (fpm d c))) d)) s.

Definition cache_maintenance (esr : Z) : bool := (ec esr =? EC_DABT) && bit_of esr ESR_CM.
Definition host_abort (c ipa esr : Z) (s : st) : st :=
  match host_fault (ipa / PAGE_BYTES) (Z.land esr 0x3c =? 4) (P s) with
  | (true, t) => mkst (add_stat c KCORE_STAT_host_fault t) (D s)
  | (false, t) =>
      if cache_maintenance esr then mkst (add_stat c KCORE_STAT_host_fault t) (D s)
      else mkst (add_log LOG_HOST_REFUSED ipa esr (add_stat c KCORE_STAT_host_injected (add_stat c KCORE_STAT_host_fault t)))
             (do_effects [HostX c 63 1] (D s))
  end.

(* A trap that KCore notes and answers in the host's registers (top/Smc.v). *)
Definition noted (c : Z) (l : list note) (s : pub) : pub :=
  fold_right (fun n => match n with NCount id => add_stat c id | NLog e a b => add_log e a b end) s l.
Definition host_note (c : Z) (r : reply) (s : st) : st :=
  mkst (noted c (fst r) (P s)) (do_effects (map (fun w => HostX c (fst w) (snd w)) (snd r)) (D s)).
Definition host_x (d : data) (c : Z) : Z -> Z := asks_for (host_values d c).
Lemma noted_same c l s : exists x y, noted c l s =
  mkpub (owner s) (maps s) (vm s) (lf s) (s1 s) (tab s) (vcpu s) (cpu s) (cnt s) x y.
Proof.
  unfold noted. induction l as [|[id|e a b] l (x & y & IH)]; cbn [fold_right]; [destruct s; eauto|rewrite IH; eexists _, _; reflexivity..].
Qed.

Definition step (a : act) (s : st) : res st :=
  match a with
  | HSet c f =>
      Ok (if idle (P s) c
          then with_data (fun d => set_hreg (upd (hreg d) c (writes 0 64 (f (host_values d c)) (hreg d c))) d) s else s)
  | HFp c f => Ok (if idle (P s) c then host_fp c f s else s)
  | HLoad c a dst =>
      Ok (if idle (P s) c then
            match reach (P s) HOST (a (host_values (D s) c)) readable with
            | Some x => with_data (fun d => set_hreg (upd (hreg d) c (upd (hreg d c) dst (load_word s x))) d) s
            | None => s
            end
          else s)
  | HStore c a x =>
      Ok (if idle (P s) c then
            match reach (P s) HOST (a (host_values (D s) c)) writable with
            | Some y => store_word y (x (host_values (D s) c)) s
            | None => s
            end
          else s)
  | HAbort c ipa esr => Ok (if idle (P s) c then host_abort c ipa esr s else s)
  | HStub c => Ok (if idle (P s) c then host_note c (stub_answer (host_x (D s) c)) s else s)
  | HSmc c o => Ok (if idle (P s) c then host_note c (smc_answer o (negb (u_vcpu (cpu (P s) c) =? NO_VCPU)) (host_x (D s) c)) s else s)
  | HCall c r => if idle (P s) c then after (hcall c r (P s)) s else Ok s
  | HGo c => if negb (u_run (cpu (P s) c)) then after (hgo c (P s)) s else Ok s
  | HRun c w => Ok (if idle (P s) c then host_run c w s else s)
  | HTimer c cval ctl =>
      let w := u_vcpu (cpu (P s) c) in
      Ok (if idle (P s) c && negb (w =? NO_VCPU)
          then with_data (fun d => set_io (upd (io d) w (upd (upd (io d w) W_TIMER cval) (W_TIMER + 1) ctl)) d) s else s)
  | HIrq c kind =>
      if u_run (cpu (P s) c) then
        if u_vcpu (cpu (P s) c) =? NO_VCPU then Halt
        else Ok (mkst (asynchronous c kind (P s)) (do_effects (asynchronous_effect c kind (P s)) (D s)))
      else Ok s
  | DMove p o q r => Ok (if host_ok (P s) p && host_ok (P s) q then store_word (q, r) (load_word s (p, o)) s else s)
  | G c op =>
      if u_run (cpu (P s) c) then
        if u_vcpu (cpu (P s) c) =? NO_VCPU then Halt else Ok (guest_step c (u_vcpu (cpu (P s) c)) op s)
      else Ok s
  end.

Fixpoint run (l : list act) (s : st) : res st :=
  match l with
  | [] => Ok s
  | a :: l => match step a s with Ok s => run l s | Halt => Halt | Stuck => Stuck end
  end.
End Machine.
